#include "node_text.hpp"

#include "daemon.hpp"
#include "registry/hosts.hpp"

#include <pwd.h>

namespace epmd::ctl {

std::string host_of(const boost::json::value& node) {
    const auto& host = node.at("host");
    if (host.is_null()) {
        return {};
    }
    const auto name = text_of(host, "name");
    return name.empty() ? text_of(host, "address") : name;
}

std::string name_of(const boost::json::value& node) {
    auto whole = text_of(node, "node_name");
    const auto alive = text_of(node, "alive_name");
    const auto at = whole.find('@');
    if (at != std::string::npos && at + 1 < whole.size()) {
        return whole;
    }
    // It did not say its host, and calls it as the hostname was: without its domain, unless that is an address.
    const auto host = host_of(node);
    const auto label = address::parse(host) ? std::string_view(host) : first_label(host);
    return host.empty() ? alive : alive + "@" + std::string(label);
}

std::string type_of(const boost::json::value& node) {
    switch (const auto type =
                node.at("type").to_number<int>()) { // as the protocol document and its clients number them
    case 77:
        return "erlang";
    case 72:
        return "hidden";
    case 104:
        return "c";
    case 110:
        return "java";
    default:
        return std::to_string(type);
    }
}

std::string placement_of(const boost::json::value& node) {
    const auto state = text_of(node, "state");
    return state == "placed" ? text_of(node, "evidence") : state;
}

std::string user_of(const boost::json::value& uid) {
    if (uid.is_null()) {
        return {};
    }
    const auto number = uid.to_number<uid_t>();
    const auto* entry = ::getpwuid(number); // NOLINT(concurrency-mt-unsafe): there is one thread
    return entry != nullptr ? entry->pw_name : std::to_string(number);
}

} // namespace epmd::ctl
