#include "placement/command_line.hpp"

#include <algorithm>
#include <array>

namespace epmd {
namespace {

/// Takes the next NUL-ended text from the front of `rest`.
std::string_view take_text(std::string_view& rest) noexcept {
    const auto end = std::min(rest.find('\0'), rest.size());
    const auto text = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
}

/// Takes the next argument from the front of `rest`. Nothing: that was all, or what follows is behind `-extra`.
std::optional<std::string_view> take_argument(std::string_view& rest) noexcept {
    if (rest.empty()) {
        return std::nullopt;
    }
    const auto argument = take_text(rest);
    return argument == "-extra" ? std::nullopt : std::optional(argument);
}

} // namespace

std::optional<std::string_view> node_name_of_command_line(std::string_view arguments) noexcept {
    std::optional<std::string_view> long_name;
    std::string_view flag; // the last one; its values follow it
    take_text(arguments);
    while (const auto argument = take_argument(arguments)) {
        if (argument->starts_with('-')) {
            flag = *argument;
            continue;
        }
        if (flag == "-sname") {
            return argument;
        }
        if (flag == "-name" && !long_name) {
            long_name = argument;
        }
        flag = {}; // only the first value of a flag is a name
    }
    return long_name;
}

bool has_plain_distribution(std::string_view arguments) noexcept {
    bool is_carrier = false;
    take_text(arguments);
    while (const auto argument = take_argument(arguments)) {
        if (is_carrier && *argument != "inet_tcp" && *argument != "inet6_tcp") {
            return false;
        }
        is_carrier = *argument == "-proto_dist";
    }
    return true;
}

std::optional<std::string_view> node_name_of_environment(std::string_view variables) noexcept {
    constexpr std::array<std::string_view, 2> names{"RABBITMQ_NODENAME=", "LIVEBOOK_NODE="};
    while (!variables.empty()) {
        const auto variable = take_text(variables);
        for (const auto name : names) {
            if (variable.starts_with(name) && variable.size() > name.size()) {
                return variable.substr(name.size());
            }
        }
    }
    return std::nullopt;
}

std::vector<vm_flag> flags_of_command_line(std::string_view arguments) {
    std::vector<vm_flag> result;
    take_text(arguments);
    while (const auto argument = take_argument(arguments)) {
        if (argument->starts_with('-')) {
            result.push_back({*argument, {}});
        } else if (!result.empty()) {
            result.back().values.push_back(*argument);
        }
    }
    return result;
}

std::optional<std::string_view> variable_of_environment(std::string_view variables, std::string_view name) noexcept {
    while (!variables.empty()) {
        const auto variable = take_text(variables);
        if (variable.starts_with(name) && variable.substr(name.size()).starts_with('=')) {
            return variable.substr(name.size() + 1);
        }
    }
    return std::nullopt;
}

} // namespace epmd
