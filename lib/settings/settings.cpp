#include "settings/settings.hpp"

#include "settings/options.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

namespace epmd {
namespace {

namespace po = boost::program_options;

/// One value, and where it was found.
struct given {
    const option* what = nullptr;
    std::string value;
    std::string source; ///< "flag -port", "variable ERL_EPMD_PORT", "loopmd.conf:3: port"
};

/// A host, and where it was found.
struct given_host {
    configured_host host;
    std::string source;
};

std::string written(const option& one) {
    return std::string(static_cast<std::size_t>(one.style), '-') + std::string(one.flag);
}

/// For messages: where a value was found, and what it is.
std::string shown(const given& one) {
    if (one.what->value.empty()) {
        return one.source;
    }
    return one.source + " = " + (one.value.empty() ? "\"\"" : one.value);
}

// ---- flags

const option* option_of_flag(std::string_view name) {
    const auto all = all_options();
    const auto row =
        std::find_if(all.begin(), all.end(), [&](const option& one) { return !name.empty() && one.flag == name; });
    return row == all.end() ? nullptr : &*row;
}

/// What a flag is called, without its dashes and a value after =.
std::string_view bare(std::string_view token) {
    token.remove_prefix(std::min(token.find_first_not_of('-'), token.size()));
    return token.substr(0, token.find('='));
}

[[noreturn]] void reject_unknown_flag(std::string_view token) {
    throw settings_error("flag " + std::string(token) + " is not known; --help lists all flags");
}

/// Says what is wrong with a flag that Program_options did not take: it knows it without its dashes.
[[noreturn]] void reject_flag(std::string_view name, std::span<const std::string> arguments) {
    const auto token = std::find_if(arguments.begin(), arguments.end(), [&](const std::string& one) {
        return one.starts_with('-') && bare(one) == bare(name);
    });
    const auto* row = option_of_flag(bare(name));
    if (row == nullptr) {
        reject_unknown_flag(token == arguments.end() ? name : *token);
    }
    throw settings_error("flag " + written(*row) +
                         (row->value.empty() ? " has no value" : " needs a value: " + std::string(row->allowed)));
}

std::vector<given> read_flags(std::span<const std::string> arguments) {
    po::options_description known;
    for (const auto& one : all_options()) {
        if (one.flag.empty()) {
            continue;
        }
        const std::string name(one.flag);
        if (one.value.empty()) {
            known.add_options()(name.c_str(), "");
        } else {
            known.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
        }
    }
    namespace style = po::command_line_style;
    const std::vector<std::string> copy(arguments.begin(), arguments.end());
    // To Program_options two dashes would end the flags; they may be the value of one.
    bool is_value = false;
    for (const auto& token : copy) {
        if (token == "--" && !is_value) {
            reject_unknown_flag(token);
        }
        const bool is_flag = token.starts_with('-') && token.find('=') == std::string::npos && !is_value;
        const auto* row = is_flag ? option_of_flag(bare(token)) : nullptr;
        is_value = row != nullptr && !row->value.empty();
    }
    std::vector<given> result;
    try {
        const auto parsed = po::command_line_parser(copy)
                                .options(known)
                                .style(style::allow_long | style::allow_long_disguise | style::long_allow_next |
                                       style::long_allow_adjacent)
                                .run();
        auto written_as = copy.begin(); // Program_options gives disguised tokens back without their disguise
        for (const auto& one : parsed.options) {
            const auto token = *written_as;
            written_as += static_cast<std::ptrdiff_t>(one.original_tokens.size());
            if (one.position_key != -1) {
                if (token.starts_with('-')) {
                    reject_unknown_flag(token);
                }
                throw settings_error("the word \"" + token + "\" is neither a flag nor the value of one; see --help");
            }
            const auto& row = *option_of_flag(one.string_key);
            if (row.style == dashes::one && token.find('=') != std::string::npos) {
                reject_unknown_flag(token); // as to stock
            }
            if (token.starts_with("--") != (row.style == dashes::two)) {
                throw settings_error("flag " + token + " is not known; did you mean " + written(row) + "?");
            }
            if (row.is_last && written_as != copy.end()) {
                throw settings_error("flag " + token + " comes last, and \"" + *written_as + "\" comes after it");
            }
            result.push_back({&row, one.value.empty() ? "" : one.value.front(), "flag " + written(row)});
        }
    } catch (const po::error_with_option_name& error) {
        reject_flag(error.get_option_name(), arguments);
    }
    return result;
}

// ---- the environment

std::vector<given> read_environment(const environment& variables) {
    std::vector<given> result;
    for (const auto& one : all_options()) {
        if (one.variable.empty()) {
            continue;
        }
        const std::string name(one.variable);
        auto value = variables(name);
        if (value) {
            result.push_back({&one, std::move(*value), "variable " + name});
        }
    }
    return result;
}

// ---- the file

struct file_content {
    std::vector<given> values;
    std::vector<given_host> hosts;
};

std::string known_file_keys() {
    std::string keys;
    for (const auto& one : all_options()) {
        if (!one.file_key.empty()) {
            keys += std::string(one.file_key) + ", ";
        }
    }
    return keys + "and the section [host]";
}

/// One line that is neither blank nor a section's, in the section in force. Program_options reads line by line, so
/// that each value knows its line.
void read_line(const std::string& section, const std::string& line, const std::string& where, file_content& to) {
    po::basic_parsed_options<char> parsed(nullptr);
    try {
        std::istringstream text(section + "\n" + line);
        parsed = po::parse_config_file(text, po::options_description(), true);
    } catch (const po::error&) {
        throw settings_error(where + ": '" + line +
                             "' is not allowed: a line is 'key = value', '[host]' or a "
                             "comment after '#'");
    }
    constexpr std::string_view host_prefix = "host.";
    for (const auto& one : parsed.options) {
        const auto& value = one.value.front();
        if (!section.empty()) {
            const auto name = one.string_key.substr(host_prefix.size());
            try {
                to.hosts.push_back({parse_host(name, value), where + ": host " + name});
            } catch (const settings_error& error) {
                throw settings_error(where + ": " + error.what());
            }
            continue;
        }
        const auto all = all_options();
        const auto row = std::find_if(all.begin(), all.end(), [&](const option& candidate) {
            return !candidate.file_key.empty() && candidate.file_key == one.string_key;
        });
        if (row == all.end()) {
            throw settings_error(where + ": the key " + one.string_key + " is not known; allowed are " +
                                 known_file_keys());
        }
        to.values.push_back({&*row, value, where + ": " + one.string_key});
    }
}

std::string read_file(const std::string& name, const std::string& source) {
    std::ifstream file(name);
    if (!file || std::filesystem::is_directory(name)) {
        throw settings_error(source + name + ": this configuration file cannot be read");
    }
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (file.bad()) {
        throw settings_error("the configuration file " + name + " cannot be read to its end");
    }
    return text;
}

bool has_control_character(std::string_view line) {
    return std::any_of(line.begin(), line.end(),
                       [](unsigned char byte) { return (byte < ' ' && byte != '\t') || byte == 0x7f; });
}

file_content read_text(const std::string& name, const std::string& whole) {
    std::istringstream file(whole);
    file_content result;
    std::string section;
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        const auto where = name + ":" + std::to_string(number);
        auto text = line.substr(0, line.find('#'));
        text.erase(0, text.find_first_not_of(" \t\r"));
        text.erase(text.find_last_not_of(" \t\r") + 1);
        if (has_control_character(text)) { // it would cut a message short, or do things to a terminal
            throw settings_error(where +
                                 ": a control character is not allowed in a line, as in a file that is UTF-16: " +
                                 "the file has to be plain text");
        }
        if (text.starts_with('[')) {
            if (text != "[host]") {
                throw settings_error(where + ": the section " + text + " is not known; allowed is [host]");
            }
            section = text;
        } else if (!text.empty()) {
            read_line(section, text, where, result);
        }
    }
    return result;
}

/// The user's file, else the system's, of those that exist; else none.
std::string default_file(const environment& variables) {
    std::vector<std::filesystem::path> candidates;
    if (const auto user = variables("XDG_CONFIG_HOME"); user && !user->empty()) {
        candidates.emplace_back(*user);
    } else if (const auto home = variables("HOME"); home && !home->empty()) {
        candidates.emplace_back(std::filesystem::path(*home) / ".config");
    }
    candidates.emplace_back("/etc");
    for (const auto& directory : candidates) {
        const auto file = directory / "loopmd" / "loopmd.conf";
        std::error_code ignored;
        if (std::filesystem::exists(file, ignored)) {
            return file.string();
        }
    }
    return {};
}

// ---- all together

bool is_unset(const given& one) {
    return one.what->is_unset_when_empty && one.value.find_first_not_of(", \t") == std::string::npos;
}

/// A file has each key once. (Of flags the last counts: scripts put theirs behind those that they were given.)
void check_topics_once(const std::vector<given>& values) {
    std::map<std::string_view, const given*> topics;
    for (const auto& one : values) {
        if (const auto [first, is_first] = topics.emplace(one.what->topic, &one); !is_first) {
            throw settings_error(shown(one) + " comes after " + first->second->source + ": give one of the two");
        }
    }
}

/// Applies the values of one place, in their order. Values of a topic that a stronger place has given stand back.
void apply(settings& to, const std::vector<given>& values, std::set<std::string_view>& topics_given) {
    std::set<std::string_view> topics_here;
    // A verb comes after the flags that it does not look at: so it is looked for first.
    const bool is_for_client =
        is_client_verb(to.what) ||
        std::any_of(values.begin(), values.end(), [](const given& one) { return one.what->is_last; });
    for (const auto& one : values) {
        if (topics_given.contains(one.what->topic) || is_unset(one)) {
            continue;
        }
        topics_here.insert(one.what->topic);
        if (one.what->is_for_serving && is_for_client) {
            continue;
        }
        bool is_allowed = false;
        try {
            is_allowed = one.what->apply(to, one.value);
        } catch (const address_error& error) {
            throw address_error(one.source + ": " + error.what(), error.given());
        } catch (const settings_error& error) {
            throw settings_error(one.source + ": " + error.what());
        }
        if (!is_allowed) {
            throw settings_error(shown(one) + " is not allowed: " + std::string(one.what->allowed));
        }
    }
    topics_given.merge(topics_here);
}

/// Adds the file's hosts to those of the flags; a flag's goes before a file's of the same name.
void add_hosts(settings& to, const std::vector<given_host>& from_file) {
    std::vector<given_host> all;
    for (const auto& one : to.hosts) {
        all.push_back({one, "flag --host " + one.name});
    }
    const auto flags = all.size();
    for (const auto& one : from_file) {
        const auto same = [&](const given_host& other) { return is_same_name(other.host.name, one.host.name); };
        if (std::none_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(flags), same)) {
            all.push_back(one);
        }
    }
    if (all.size() > max_hosts) {
        throw settings_error(all[max_hosts].source + " is one too many: " + std::to_string(max_hosts) +
                             " hosts can be configured");
    }
    std::map<std::string, const given_host*> named;
    std::map<address, const given_host*> owners;
    for (const auto& one : all) {
        auto name = one.host.name; // the names of hosts are ASCII
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
        if (const auto [other, is_new] = named.emplace(std::move(name), &one); !is_new) {
            throw settings_error(one.source + " is named already, by " + other->second->source +
                                 ": give all its addresses in one line");
        }
        for (const auto& address : one.host.addresses) {
            if (const auto [owner, is_new] = owners.emplace(address, &one); !is_new) {
                throw settings_error(one.source + ": " + to_string(address) + " belongs already to " +
                                     owner->second->source + ": an address has one host");
            }
        }
    }
    to.hosts.clear();
    for (auto& one : all) {
        to.hosts.push_back(std::move(one.host));
    }
}

} // namespace

settings read_settings(std::span<const std::string> arguments, const environment& variables,
                       const std::filesystem::path& directory, const std::optional<std::string>& known_text) {
    settings result;
    std::set<std::string_view> topics_given;
    try {
        apply(result, read_flags(arguments), topics_given);
    } catch (const address_error&) {
        throw;
    } catch (const settings_error& error) {
        throw usage_error(error.what());
    }
    if (result.what == verb::version || result.what == verb::help) {
        return result;
    }
    apply(result, read_environment(variables), topics_given);
    const bool is_named = !result.config_file.empty();
    result.config_file = is_named ? (directory / result.config_file).string() : default_file(variables);
    const auto before_file = result;
    try {
        file_content file;
        if (!result.config_file.empty()) {
            const auto source = is_named ? "flag --config = " : "";
            result.config_text = known_text ? *known_text : read_file(result.config_file, source);
            file = read_text(result.config_file, result.config_text);
        }
        check_topics_once(file.values);
        apply(result, file.values, topics_given);
        add_hosts(result, file.hosts);
    } catch (const settings_error& error) {
        throw file_error(error.what(), before_file);
    }
    return result;
}

std::string help_text() {
    struct group {
        std::string_view title;
        bool (*has)(const option&);
    };
    static constexpr std::array<group, 3> groups{{
        {"The daemon's flags, as epmd has them",
         [](const option& one) { return one.style == dashes::one && !one.is_last; }},
        {"To ask the running epmd; these come last", [](const option& one) { return one.is_last; }},
        {"loopmd's own flags", [](const option& one) { return one.style == dashes::two; }},
    }};
    constexpr std::size_t help_column = 36;
    std::string text = "usage: epmd [FLAG]...\n"
                       "       epmd [-d|-debug] [-port PORT] -names|-kill|-stop NAME|-started|-dump\n"
                       "The Erlang port mapper daemon, with a table of names for every loopback address.\n";
    for (const auto& [title, has] : groups) {
        text.append("\n").append(title).append(":\n");
        for (const auto& one : all_options()) {
            if (one.flag.empty() || !has(one)) {
                continue;
            }
            std::string line = "  " + written(one) + (one.value.empty() ? "" : " ") + std::string(one.value);
            if (line.size() >= help_column) {
                line += "\n" + std::string(help_column, ' ');
            } else {
                line.resize(help_column, ' ');
            }
            text.append(line).append(one.help).append("\n");
        }
    }
    return text + "\nERL_EPMD_PORT, ERL_EPMD_ADDRESS and ERL_EPMD_RELAXED_COMMAND_CHECK count as their flags do.\n"
                  "A flag goes before the environment, the environment before the file. See loopmd(8).\n";
}

} // namespace epmd
