#include "signals.hpp"

#include "daemon.hpp"
#include "node_text.hpp"
#include "output.hpp"

#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>
#include <system_error>

namespace epmd::ctl {
namespace {

/// The kernel's short name of a process; empty: there is none of that number here.
std::string program_of(pid_t pid) {
    std::ifstream from("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(from, name);
    return name;
}

} // namespace

void send_signal(const boost::json::value& status, int number, const char* instead) {
    const auto pid = status.at("pid").to_number<pid_t>();
    const auto who = "the daemon is pid " + std::to_string(pid) + " of user " + shown(user_of(status.at("uid")));
    constexpr std::size_t longest_comm = 15; // TASK_COMM_LEN, without its NUL
    const auto path = text_of(status, "path");
    if (program_of(pid) != path.substr(path.rfind('/') + 1).substr(0, longest_comm)) {
        throw failure(
            who +
            ", and that is another process here: it runs in another pid namespace (a container?); call epmdctl there");
    }
    if (::kill(pid, number) != 0) {
        throw failure(who + ", and may not be signalled by us: " + std::generic_category().message(errno) + "; " +
                      instead);
    }
}

} // namespace epmd::ctl
