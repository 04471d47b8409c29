#include "doctor/inetrc.hpp"

#include "doctor/erlang_term.hpp"
#include "registry/hosts.hpp"
#include "wire/alive_name.hpp"

#include <algorithm>
#include <array>

namespace epmd::ctl::doctor {
namespace {

/// {host, {127,0,0,2}, ["lowry"]}; an address that is a string is none here.
bool take_host(const term& one, inetrc& to) {
    if (!one.is_tuple_of("host", 3)) {
        return false;
    }
    const auto where = one.items[1].is == term::kind::tuple ? address_of(one.items[1]) : std::nullopt;
    const auto& names = one.items[2];
    const auto is_text = [](const term& name) { return name.is == term::kind::string; };
    if (!where || names.is != term::kind::list || names.items.empty() ||
        !std::all_of(names.items.begin(), names.items.end(), is_text)) {
        return false;
    }
    std::vector<std::string> texts;
    for (const auto& name : names.items) {
        texts.push_back(name.text);
    }
    std::erase_if(to.hosts, [&](const auto& before) { return before.first == *where; });
    to.hosts.emplace_back(*where, std::move(texts));
    return true;
}

/// {lookup, [file, native]}
bool take_lookup(const term& one, inetrc& to) {
    if (!one.is_tuple_of("lookup", 2) || one.items[1].is != term::kind::list) {
        return false;
    }
    std::vector<inetrc::method> methods;
    for (const auto& method : one.items[1].items) {
        if (method.text == "file") {
            methods.push_back(inetrc::method::file);
        } else if (method.text == "native") {
            methods.push_back(inetrc::method::native);
        } else if (method.text == "dns") {
            methods.push_back(inetrc::method::dns);
        } else {
            return true; // with any other method the line is of no effect
        }
    }
    to.lookup = std::move(methods);
    return true;
}

bool take_hosts_path(const term& one, inetrc& to) {
    const bool is_in_place = one.is_tuple_of("file", 3) && one.items[1].text == "hosts"; // {file, hosts, "/x"}
    if ((!one.is_tuple_of("hosts_file", 2) && !is_in_place) || one.items.back().is != term::kind::string) {
        return false;
    }
    to.hosts_path = one.items.back().text;
    return true;
}

bool is_atom(const term& one, std::string_view text) {
    return one.is == term::kind::atom && one.text == text;
}

bool take_clearing(const term& one, inetrc& to) {
    if (!is_atom(one, "clear_hosts")) {
        return false;
    }
    to.hosts.clear();
    return true;
}

/// What else such a file may have, and what does not matter here: name servers, caches and the like.
bool is_of_no_matter(const term& one) {
    constexpr std::array<std::string_view, 15> words{
        "file",  "resolv_conf", "nameserver", "alt_nameserver",   "domain",     "search",        "retry",   "timeout",
        "inet6", "usevc",       "edns",       "udp_payload_size", "cache_size", "cache_refresh", "registry"};
    if (one.is != term::kind::tuple || one.items.empty()) {
        return is_atom(one, "clear_ns") || is_atom(one, "clear_search") || is_atom(one, "clear_cache");
    }
    const auto& word = one.items.front();
    return word.is == term::kind::atom && std::find(words.begin(), words.end(), word.text) != words.end();
}

} // namespace

inetrc read_inetrc(std::string_view content) {
    inetrc result;
    const auto all = read_terms(content);
    result.is_understood = all.is_complete && wire::utf8_characters(content);
    for (const auto& one : result.is_understood ? all.good : std::vector<term>()) {
        if (!take_host(one, result) && !take_lookup(one, result) && !take_hosts_path(one, result) &&
            !take_clearing(one, result) && !is_of_no_matter(one)) {
            break;
        }
    }
    return result;
}

std::vector<address> inetrc::addresses_of(std::string_view name, bool of_v6) const {
    std::vector<address> result;
    for (const auto& [where, names] : hosts) {
        const auto is_it = [&](const std::string& one) { return is_same_name(one, name); };
        if (where.is_v4() != of_v6 && std::any_of(names.begin(), names.end(), is_it)) {
            result.push_back(where);
        }
    }
    return result;
}

bool inetrc::looks_in_files() const {
    return std::find(lookup.begin(), lookup.end(), method::file) != lookup.end();
}

} // namespace epmd::ctl::doctor
