#include "host_text.hpp"

#include <algorithm>
#include <vector>

namespace epmd::ctl {
namespace {

/// Letters that stand for themselves in an Erlang string, and in a hosts file.
bool is_plain(std::string_view name) {
    return std::all_of(name.begin(), name.end(), [](char letter) {
        return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
               (letter >= '0' && letter <= '9') || letter == '.' || letter == '-' || letter == '_';
    });
}

/// All names of a host, and the first label of each that has a domain: what a short name has after its @.
std::vector<std::string> names_for_lookup(host which, const hosts& known, const std::string& also_called = {}) {
    auto names = known.names_of(which);
    if (!also_called.empty() && std::find(names.begin(), names.end(), also_called) == names.end()) {
        names.push_back(also_called);
    }
    for (std::size_t i = 0, count = names.size(); i < count; ++i) {
        const std::string label(first_label(names[i]));
        if (std::find(names.begin(), names.end(), label) == names.end()) {
            names.push_back(label);
        }
    }
    std::erase_if(names, [](const std::string& name) { return !is_plain(name); });
    return names;
}

std::vector<host> configured(const hosts& known) {
    std::vector<host> result;
    for (const auto& one : known.configured()) {
        result.emplace_back(one.addresses.front());
    }
    return result;
}

} // namespace

std::string erlang_tuple(const address& which) {
    std::string result;
    const auto add = [&](unsigned part) { result += (result.empty() ? "{" : ",") + std::to_string(part); };
    if (which.is_v4()) {
        for (const unsigned byte : which.v4()) {
            add(byte);
        }
    } else {
        for (std::size_t i = 0; i < which.v6().size(); i += 2) {
            add(which.v6()[i] * 256U + which.v6()[i + 1]);
        }
    }
    return result + "}";
}

std::string hostname_of(host which, const hosts& known) {
    const auto names = known.names_of(which);
    if (!names.empty() && is_plain(names.front())) {
        return names.front();
    }
    auto made = "host-" + to_string(which.first_address());
    std::replace_if(
        made.begin(), made.end(), [](char letter) { return letter == '.' || letter == ':'; }, '-');
    return made;
}

std::string inetrc_text(const hosts& known, host also, const std::string& also_called) {
    auto which = configured(known);
    if (!also.is_machine() && std::find(which.begin(), which.end(), also) == which.end()) {
        which.push_back(also);
    }
    std::string text;
    for (const auto& one : which) {
        std::string names;
        for (const auto& name : names_for_lookup(one, known, one == also ? also_called : "")) {
            names += (names.empty() ? "\"" : ",\"") + name + "\"";
        }
        for (const auto& where : known.addresses_of(one)) {
            text += "{host," + erlang_tuple(where) + ",[" + names + "]}.\n";
        }
    }
    return text + "{lookup,[file,native]}.\n";
}

std::string etc_hosts_text(const hosts& known) {
    std::string text;
    for (const auto& one : configured(known)) {
        std::string names;
        for (const auto& name : names_for_lookup(one, known)) {
            names += " " + name;
        }
        for (const auto& where : known.addresses_of(one)) {
            text += to_string(where) + names + "\n";
        }
    }
    return text;
}

} // namespace epmd::ctl
