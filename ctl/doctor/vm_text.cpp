#include "doctor/vm_text.hpp"

#include "settings/number.hpp"

#include <algorithm>
#include <sstream>

namespace epmd::ctl::doctor {
namespace {

using flags = std::vector<vm_flag>;

const vm_flag* first(const flags& all, std::string_view name) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const vm_flag& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::string first_value(const flags& all, std::string_view name) {
    const auto* found = first(all, name);
    return found == nullptr || found->values.empty() ? std::string() : std::string(found->values.front());
}

/// The value of `-kernel NAME VALUE`: of one that is given twice the first counts (tried with OTP 25 and 27).
std::optional<std::string> kernel_parameter(const flags& all, std::string_view name) {
    for (const auto& one : all) {
        for (std::size_t i = 0; one.name == "-kernel" && i + 1 < one.values.size(); i += 2) {
            if (one.values[i] == name) {
                return std::string(one.values[i + 1]);
            }
        }
    }
    return std::nullopt;
}

/// The source address in [{ifaddr,{127,0,0,2}}] or [{ip,…}].
std::optional<address> source_in(const term& options) {
    for (const auto& one : options.items) {
        if (one.is_tuple_of("ifaddr", 2) || one.is_tuple_of("ip", 2)) {
            return address_of(one.items[1]);
        }
    }
    return std::nullopt;
}

/// The emulator is 11 in OTP 23, 13 in 25, 15 in 27, and so on; of older releases only that they are older.
int release_of(std::string_view program) {
    constexpr int emulator_is_behind = 12;
    constexpr std::string_view before = "erts-";
    const auto folder = std::string(program);
    const auto at = folder.rfind(before);
    if (at == std::string::npos) {
        return 0;
    }
    const auto version = folder.substr(at + before.size());
    const auto number = parse_number<int>(version.substr(0, version.find('.')), 1, 1000);
    return number ? *number + emulator_is_behind : 0;
}

std::optional<std::uint16_t> port_in(const std::optional<std::string_view>& text) {
    return text ? parse_number<std::uint16_t>(std::string(*text), 1, 65535) : std::nullopt;
}

/// A parameter of the application kernel; the first that says so counts.
void take_parameter(vm& of, std::string_view name, const term& value, const std::string& source) {
    if (name == "inet_dist_connect_options" && !of.dials_from) {
        of.dials_from = source_in(value);
    } else if (name == "inetrc" && !of.inetrc && (value.is == term::kind::string || value.is == term::kind::atom)) {
        of.inetrc = {value.text, source};
    } else if (name == "dist_auto_connect" && !of.connects_by_itself) {
        of.connects_by_itself = value.text != "never";
    }
}

} // namespace

void take_flags(vm& of, const std::vector<vm_flag>& all, std::string_view program) {
    if (first(all, "-sname") != nullptr) {
        of.names = naming::short_names;
    } else if (first(all, "-name") != nullptr) {
        of.names = naming::long_names;
    }
    of.otp_release = release_of(program); // .../erts-13.1.5/bin/beam.smp
    of.epmd_port = port_in(first_value(all, "-epmd_port"));
    of.fixed_port = port_in(first_value(all, "-erl_epmd_port"));
    of.epmd_module = first_value(all, "-epmd_module");
    of.listens = first_value(all, "-dist_listen") != "false";
    of.starts_epmd = first_value(all, "-start_epmd") != "false";
    of.carrier = first_value(all, "-proto_dist");
    of.home = first_value(all, "-home");
    for (const auto* name : {"inet_dist_connect_options", "inetrc", "dist_auto_connect"}) {
        const auto text = kernel_parameter(all, name);
        if (const auto value = text ? read_term(*text) : std::nullopt) {
            take_parameter(of, name, *value, "-kernel inetrc");
        }
    }
}

void take_configuration(vm& of, const term& applications, const std::string& file) {
    for (const auto& one : applications.items) {
        for (const auto& parameter : one.is_tuple_of("kernel", 2) ? one.items[1].items : std::vector<term>()) {
            if (parameter.is == term::kind::tuple && parameter.items.size() == 2) {
                take_parameter(of, parameter.items[0].text, parameter.items[1], "inetrc in " + file);
            }
        }
    }
}

void take_environment(vm& of, std::string_view variables) {
    of.has_visible_environment = !variables.empty();
    const auto value = [&](std::string_view name) {
        return std::string(variable_of_environment(variables, name).value_or(""));
    };
    if (!of.epmd_port) {
        of.epmd_port = port_in(variable_of_environment(variables, "ERL_EPMD_PORT"));
    }
    if (const auto file = value("ERL_INETRC"); !file.empty() && !of.inetrc) {
        of.inetrc = {file, "ERL_INETRC"};
    }
    if (of.home.empty()) {
        of.home = value("HOME");
    }
    of.config_home = value("XDG_CONFIG_HOME");
}

std::optional<usage> read_stat(const std::string& text) {
    std::istringstream fields(
        text.substr(std::min(text.rfind(')') + 1, text.size()))); // a name may have anything in it
    usage result;
    std::string ignored;
    double system_ticks = 0;
    fields >> result.state;
    for (int field = 4; field < 14; ++field) {
        fields >> ignored;
    }
    fields >> result.ticks >> system_ticks;
    result.ticks += system_ticks;
    return fields ? std::optional(result) : std::nullopt;
}

} // namespace epmd::ctl::doctor
