#include "doctor/host_lookup.hpp"

#include "doctor/inetrc.hpp"
#include "doctor/regular_file.hpp"
#include "output.hpp"
#include "placement/hosts_file.hpp"
#include "placement/resolver.hpp"

#include <algorithm>
#include <future>
#include <sstream>
#include <thread>

namespace epmd::ctl::doctor {
namespace {

constexpr const char* usual_hosts_path = "/etc/hosts";

/// One without ./ before it is not found by OTP 23 and 25, and by 27 it is.
constexpr int first_release_with_relative_inetrc = 27;

/// Asks the C library, which may never answer.
resolution ask_in_time(const std::string& name, bool over_v6, time_point until) {
    std::promise<resolution> promise;
    auto answer = promise.get_future();
    std::thread([promise = std::move(promise), name, over_v6]() mutable {
        promise.set_value(ask_system_for(name, over_v6 ? AF_INET6 : AF_INET));
    }).detach();
    if (answer.wait_until(until) != std::future_status::ready) {
        return {.addresses = {}, .trouble = "did not resolve in time"};
    }
    return answer.get();
}

std::vector<address> in_hosts_file(const hosts_file& file, std::string_view name, bool over_v6) {
    std::vector<address> result;
    for (const auto& [where, names] : file.names()) {
        const auto is_it = [&](const std::string& one) { return is_same_name(one, name); };
        if (where.is_v4() != over_v6 && std::any_of(names.begin(), names.end(), is_it)) {
            result.push_back(where);
        }
    }
    return result;
}

/// The same in a file of a VM.
std::vector<address> in_hosts_file_of(const vm& who, const std::filesystem::path& path, std::string_view name,
                                      bool over_v6) {
    std::istringstream text(read_public_file(path_within(who, path)).value_or(""));
    return in_hosts_file(hosts_file::parse(text), name, over_v6);
}

/// By what the VM's inetrc says, in its order.
void look_up_by(const inetrc& rules, const named_file& file, const vm& who, const std::string& name, bool over_v6,
                time_point until, host_lookup& to) {
    const auto called = shown(file.path.string()) + " (" + file.source + ")";
    for (const auto method : rules.lookup) {
        if (method == inetrc::method::native) {
            to = look_up_by_system(name, who, over_v6, until);
        } else if (method == inetrc::method::file) {
            to.addresses = rules.addresses_of(name, over_v6);
            to.by = called;
            if (to.addresses.empty()) {
                const std::filesystem::path path = rules.hosts_path.value_or(usual_hosts_path);
                to.addresses = in_hosts_file_of(who, path, name, over_v6);
                to.by = shown(path.string());
            }
        } else {
            to.remarks.push_back(called + " has it ask name servers by itself, which is not tried here");
            to.is_open = true;
        }
        if (!to.addresses.empty()) {
            return;
        }
    }
    if (to.trouble.empty()) {
        to.trouble = "does not resolve";
    }
}

} // namespace

host_lookup look_up_by_system(const std::string& name, const vm& who, bool over_v6, time_point until) {
    host_lookup result;
    if (who.has_own_hosts_file) {
        result.addresses = in_hosts_file_of(who, usual_hosts_path, name, over_v6);
        result.by = std::string(usual_hosts_path) + " of " + pid_text(who);
        if (!result.addresses.empty()) {
            return result;
        }
        result.is_open = true;
        result.remarks.push_back(
            pid_text(who) +
            " has another /etc/hosts than we, as in a container; how else it resolves names is tried as we would");
    }
    const auto found = ask_in_time(name, over_v6, until);
    result.addresses = found.addresses;
    result.trouble = found.trouble;
    const auto in_file = in_hosts_file(hosts_file::read(usual_hosts_path), name, over_v6);
    const bool is_by_file =
        !found.addresses.empty() && std::find(in_file.begin(), in_file.end(), found.addresses.front()) != in_file.end();
    result.by = is_by_file ? usual_hosts_path : "the system's resolver";
    if (found.addresses.empty() && !ask_in_time(name, !over_v6, until).addresses.empty()) {
        result.is_of_the_other_ip = true;
    }
    return result;
}

host_lookup look_up_host(const std::string& name, const vm& who, time_point until) {
    const bool over_v6 = who.is_over_ipv6();
    host_lookup result;
    if (const auto literal = address::parse(name)) {
        result.by = "an address";
        result.is_of_the_other_ip = literal->is_v4() == over_v6;
        if (result.is_of_the_other_ip) {
            result.trouble = std::string("is an address of ") + (over_v6 ? "IPv4" : "IPv6");
        } else {
            result.addresses.push_back(*literal);
        }
        return result;
    }
    const auto& file = who.inetrc;
    if (!file) {
        return look_up_by_system(name, who, over_v6, until);
    }
    const auto called = shown(file->path.string()) + " (" + file->source + ")";
    const auto content = read_public_file(path_within(who, file->path));
    const auto rules = read_inetrc(content.value_or(""));
    std::vector<std::string> remarks;
    bool is_open = false;
    const bool is_new = who.otp_release >= first_release_with_relative_inetrc;
    const bool is_found = is_new || file->path.is_absolute() || file->path.string().starts_with('.');
    if (!is_found) {
        remarks.push_back(called + " is not found by a VM: a relative path has to begin with ./");
    } else if (!content) {
        remarks.push_back(called + " cannot be read by us");
        is_open = true;
    } else if (!rules.is_understood) {
        remarks.push_back(called + " is not understood by us; with an error of syntax a VM takes nothing of it");
        is_open = true;
    }
    if (is_found && content && rules.is_understood) {
        look_up_by(rules, *file, who, name, over_v6, until, result);
    } else {
        result = look_up_by_system(name, who, over_v6, until);
    }
    if (is_found && !rules.looks_in_files() && !rules.addresses_of(name, over_v6).empty()) {
        result.unused_inetrc = called;
    }
    result.remarks.insert(result.remarks.begin(), remarks.begin(), remarks.end());
    result.is_open = result.is_open || is_open;
    return result;
}

} // namespace epmd::ctl::doctor
