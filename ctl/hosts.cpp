// epmdctl hosts: each host with its names, its addresses, how it came to be, and how many nodes are on it.
#include "daemon.hpp"
#include "output.hpp"
#include "verbs.hpp"

#include <boost/json/serialize.hpp>

namespace epmd::ctl {
namespace {

std::string joined(const boost::json::array& texts) {
    std::string result;
    for (const auto& one : texts) {
        result += (result.empty() ? "" : ",") + shown({one.as_string().data(), one.as_string().size()});
    }
    return result.empty() ? "-" : result;
}

std::string_view shown_origin(std::string_view origin) {
    return origin == "hosts_file" ? "/etc/hosts" : origin;
}

exit_status run(const call& how) {
    const auto all = page(how, "/hosts");
    if (how.as_json) {
        print(boost::json::serialize(all) + "\n");
        return done;
    }
    table rows({"HOST", "ADDRESSES", "ORIGIN", "NODES", "OTHER NAMES"});
    for (const auto& one : all.at("hosts").as_array()) {
        auto others = one.at("names").as_array();
        if (!others.empty()) {
            others.erase(others.begin());
        }
        rows.add({shown(text_of(one, "name")), joined(one.at("addresses").as_array()),
                  std::string(shown_origin(text_of(one, "origin"))), std::to_string(one.at("nodes").to_number<int>()),
                  joined(others)});
    }
    print(rows.text());
    return done;
}

} // namespace

const verb hosts_verb{.name = "hosts",
                      .help = "list the hosts, with their addresses and how they came to be",
                      .has_json = true,
                      .run = run};

} // namespace epmd::ctl
