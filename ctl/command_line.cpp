#include "command_line.hpp"

#include "settings/number.hpp"
#include "verbs.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace epmd::ctl {
namespace {

namespace po = boost::program_options;

constexpr std::array verbs{&hosts_verb, &nodes_verb,     &status_verb, &watch_verb,     &doctor_verb, &exec_verb,
                           &wait_verb,  &wait_free_verb, &inetrc_verb, &etc_hosts_verb, &reload_verb, &upgrade_verb};

/// Those of every verb.
constexpr std::array common_flags{
    flag{"port", "PORT", "the epmd port (ERL_EPMD_PORT, or 4369)"},
    flag{"help", "", "print this"},
};
constexpr flag json_flag{"json", "", "print JSON, as docs/status.md and docs/doctor.md describe it"};
constexpr flag version_flag{"version", "", "print the version"};

constexpr std::string_view hint = "; see epmdctl --help";

void add(po::options_description& to, const flag& one) {
    const std::string name(one.name);
    if (one.value.empty()) {
        to.add_options()(name.c_str(), "");
    } else {
        to.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
    }
}

const verb& verb_named(std::string_view name) {
    const auto* found = std::find_if(verbs.begin(), verbs.end(), [&](const verb* one) { return one->name == name; });
    if (found == verbs.end()) {
        throw usage_error("there is no verb " + std::string(name) + std::string(hint));
    }
    return **found;
}

std::uint16_t read_port(const std::string& text, const std::string& source) {
    const auto port = parse_number<std::uint16_t>(text, 1, 65535);
    if (!port) {
        throw usage_error(source + " = " + text + " is not allowed: a port is 1 to 65535");
    }
    return *port;
}

/// A part of a command line, by Program_options.
struct parsed {
    std::map<std::string, std::string, std::less<>> flags;
    std::vector<std::string> operands;
};

std::string with_dashes(std::string_view name) {
    return (name.starts_with('-') ? "" : "--") + std::string(name);
}

/// Without the value, which may be a secret.
std::string name_part(const std::string& word) {
    return word.substr(0, word.find('='));
}

parsed parse(std::span<const std::string> arguments, std::span<const flag> known, std::string_view of) {
    po::options_description options;
    for (const auto& one : known) {
        add(options, one);
    }
    namespace style = po::command_line_style;
    parsed result;
    try {
        const auto all = po::command_line_parser(std::vector<std::string>(arguments.begin(), arguments.end()))
                             .options(options)
                             .style(style::allow_long | style::long_allow_next | style::long_allow_adjacent)
                             .run();
        for (const auto& one : all.options) {
            if (one.position_key != -1) {
                if (one.value.front().starts_with('-') && one.value.front() == one.original_tokens.front()) {
                    throw usage_error(std::string(of) + "flag " + name_part(one.value.front()) + " is not known" +
                                      std::string(hint));
                }
                result.operands.push_back(one.value.front());
            } else {
                result.flags[one.string_key] = one.value.empty() ? "" : one.value.front();
            }
        }
    } catch (const po::unknown_option& error) {
        throw usage_error(std::string(of) + "flag " + with_dashes(name_part(error.get_option_name())) +
                          " is not known" + std::string(hint));
    } catch (const po::error_with_option_name& error) {
        const auto name = error.get_option_name();
        const auto* row = std::find_if(known.data(), known.data() + known.size(), [&](const flag& one) {
            return "--" + std::string(one.name) == name || one.name == name;
        });
        const bool wants_value = row != known.data() + known.size() && !row->value.empty();
        throw usage_error(std::string(of) + "flag " + with_dashes(name) +
                          (wants_value ? " needs a value: " + std::string(row->value) : " has no value") +
                          std::string(hint));
    }
    return result;
}

std::vector<flag> flags_of(const verb& one) {
    std::vector<flag> all(one.flags.begin(), one.flags.end());
    if (one.has_json) {
        all.push_back(json_flag);
    }
    all.insert(all.end(), common_flags.begin(), common_flags.end());
    return all;
}

std::vector<flag> flags_before_the_verb() {
    std::vector<flag> all(common_flags.begin(), common_flags.end());
    all.push_back(json_flag);
    all.push_back(version_flag);
    return all;
}

/// Where the first word stands that is neither a flag nor the value of one.
std::size_t first_word(std::span<const std::string> arguments, std::span<const flag> known) {
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view word = arguments[i];
        if (!word.starts_with('-') || word == "-") {
            return i;
        }
        if (word == "--") {
            return i + 1;
        }
        const bool takes_next = std::any_of(known.begin(), known.end(), [&](const flag& one) {
            return !one.value.empty() && word == "--" + std::string(one.name);
        });
        i += takes_next ? 1 : 0;
    }
    return arguments.size();
}

void check_operands(const verb& what, std::size_t count) {
    if (count < what.fewest_operands || count > what.most_operands) {
        throw usage_error(std::string(what.name) + ": it is called as epmdctl " + std::string(what.name) +
                          (what.operands.empty() ? "" : " ") + std::string(what.operands));
    }
}

std::string rows(std::span<const flag> flags) {
    constexpr std::size_t column = 26;
    std::string text;
    for (const auto& one : flags) {
        std::string row = "  --" + std::string(one.name) + (one.value.empty() ? "" : " ") + std::string(one.value);
        row.resize(std::max(column, row.size() + 1), ' ');
        text += row + std::string(one.help) + "\n";
    }
    return text;
}

} // namespace

request read_command_line(std::span<const std::string> arguments,
                          const std::function<std::optional<std::string>(const std::string&)>& variable) {
    const auto before = flags_before_the_verb();
    const auto at = first_word(arguments, before);
    auto flags = parse(arguments.first(std::min(at, arguments.size())), before, "").flags;
    request result{.wants_help = flags.contains("help"), .wants_version = flags.contains("version")};
    if (at < arguments.size()) {
        result.what = &verb_named(arguments[at]);
        const auto& what = *result.what;
        const auto of = std::string(what.name) + ": ";
        auto rest = arguments.subspan(at + 1);
        std::span<const std::string> command;
        const auto known = flags_of(what);
        if (what.has_command) {
            const auto operand = std::min(first_word(rest, known) + 1, rest.size());
            const auto begin = operand + first_word(rest.subspan(operand), known); // flags may come after it as well
            command = rest.subspan(begin);
            rest = rest.first(begin);
        }
        auto own = parse(rest, known, of);
        result.wants_help = result.wants_help || own.flags.contains("help");
        if (flags.contains("json") && !what.has_json) {
            throw usage_error(of + "it prints no JSON");
        }
        own.flags.insert(flags.begin(), flags.end());
        flags = std::move(own.flags);
        result.how.operands = std::move(own.operands);
        result.how.operands.insert(result.how.operands.end(), command.begin(), command.end());
        if (!result.wants_help) {
            check_operands(what, result.how.operands.size());
        }
    }
    result.how.as_json = flags.contains("json");
    if (const auto given = flags.find("port"); given != flags.end()) {
        result.how.port = read_port(given->second, "flag --port");
    } else if (const auto given_by_variable = variable("ERL_EPMD_PORT");
               given_by_variable && !given_by_variable->empty()) {
        result.how.port = read_port(*given_by_variable, "variable ERL_EPMD_PORT");
    }
    result.how.flags = std::move(flags);
    return result;
}

bool is_secret_flag(std::string_view word) {
    return std::any_of(verbs.begin(), verbs.end(), [&](const verb* one) {
        return std::any_of(one->flags.begin(), one->flags.end(),
                           [&](const flag& each) { return each.is_secret && word == "--" + std::string(each.name); });
    });
}

std::string help_text() {
    constexpr std::size_t column = 32;
    std::string text = "usage: epmdctl [FLAG]... VERB [OPERAND]...\n"
                       "Shows what a loopmd serves, and runs programs on its hosts.\n\n"
                       "Verbs:\n";
    for (const auto* one : verbs) {
        std::string row =
            "  " + std::string(one->name) + (one->operands.empty() ? "" : " ") + std::string(one->operands);
        if (row.size() >= column) {
            row += "\n" + std::string(column, ' ');
        } else {
            row.resize(column, ' ');
        }
        text += row + std::string(one->help) + "\n";
    }
    return text + "\nFlags:\n" + rows(flags_before_the_verb()) +
           "\nepmdctl VERB --help says more of each. See epmdctl(1).\n";
}

std::string help_text(const verb& one) {
    return "usage: epmdctl " + std::string(one.name) + " [FLAG]..." + (one.operands.empty() ? "" : " ") +
           std::string(one.operands) + "\n" + std::string(one.help) + ".\n\nFlags:\n" + rows(flags_of(one));
}

} // namespace epmd::ctl
