#include "uts.hpp"

#include "verb.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace epmd::ctl {
namespace {

constexpr std::string_view ways_on =
    "; run it with --keep-hostname and name nodes with their host (--sname idfe@HOST), or as root";

std::string setting(const char* file) {
    std::ifstream from(file);
    std::string text;
    from >> text;
    return text;
}

/// Why the kernel lets nobody, or not us, have a user namespace, as far as that can be told (error of unshare(2) or of
/// what comes after it).
[[noreturn]] void complain(const std::string& what, int error) {
    std::string why = what + ": " + std::generic_category().message(error);
    std::string mend;
    if (setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1") {
        why += " (AppArmor lets only programs with a profile have user namespaces)";
        mend = "; install ours: sudo cp " LOOPMD_APPARMOR_PROFILE " /etc/apparmor.d/epmdctl && sudo apparmor_parser -r "
               "/etc/apparmor.d/epmdctl";
    } else if (setting("/proc/sys/kernel/unprivileged_userns_clone") == "0") {
        why += " (kernel.unprivileged_userns_clone is 0)";
        mend = "; allow them: sudo sysctl kernel.unprivileged_userns_clone=1";
    } else if (error == ENOSPC || setting("/proc/sys/user/max_user_namespaces") == "0") {
        why += " (user.max_user_namespaces is reached)";
        mend = "; allow more: sudo sysctl user.max_user_namespaces=10000";
    }
    throw failure(why + mend + std::string(ways_on));
}

void write(const char* file, const std::string& text) {
    const int descriptor = ::open(file, O_WRONLY | O_CLOEXEC);
    const bool is_written =
        descriptor >= 0 && ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int error = errno;
    if (descriptor >= 0) {
        ::close(descriptor);
    }
    if (!is_written) {
        complain(std::string("the user namespace cannot be set up, ") + file, error);
    }
}

/// user_namespaces(7): who has no privilege maps one number, and gives up setgroups(2) first.
void enter_user_namespace() {
    const auto uid = std::to_string(::geteuid());
    const auto gid = std::to_string(::getegid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWUTS) != 0) {
        complain("there is no user namespace for us", errno);
    }
    write("/proc/self/setgroups", "deny");
    write("/proc/self/uid_map", uid + " " + uid + " 1");
    write("/proc/self/gid_map", gid + " " + gid + " 1");
}

} // namespace

void take_hostname(const std::string& name) {
    utsname now{};
    if (name.size() >= sizeof now.nodename) {
        throw failure("the name " + name + " is too long for a hostname, which has 64 letters at most");
    }
    if (::unshare(CLONE_NEWUTS) != 0) {
        if (errno != EPERM) {
            complain("there is no UTS namespace for us", errno);
        }
        enter_user_namespace();
    }
    if (::sethostname(name.data(), name.size()) != 0) {
        complain("the hostname cannot be set", errno);
    }
    // What counts is what comes of it.
    if (::uname(&now) != 0 || name != now.nodename) { // NOLINT: the kernel's array
        throw failure("the hostname stays " + std::string(now.nodename) + std::string(ways_on)); // NOLINT
    }
}

} // namespace epmd::ctl
