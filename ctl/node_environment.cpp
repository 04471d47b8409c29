#include "node_environment.hpp"

#include "host_text.hpp"
#include "output.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epmd::ctl {
namespace {

constexpr std::string_view listen_flag = "-kernel inet_dist_use_interface ";
constexpr std::string_view dial_flag = " -kernel inet_dist_connect_options [{ifaddr,";
constexpr std::string_view ipv6_flag = " -proto_dist inet6_tcp";

bool take(std::string_view& from, std::string_view what) {
    const bool is_there = from.starts_with(what);
    from.remove_prefix(is_there ? what.size() : 0);
    return is_there;
}

/// {127,0,0,2}
bool take_tuple(std::string_view& from) {
    const auto end = from.find_first_not_of("0123456789,", 1);
    const bool is_there = from.starts_with('{') && end != std::string_view::npos && end > 1 && from[end] == '}';
    from.remove_prefix(is_there ? end + 1 : 0);
    return is_there;
}

/// How much of the beginning of a line we have written, in just that form; 0: the user has.
std::size_t length_of_ours(std::string_view line) {
    auto rest = line;
    if (!take(rest, listen_flag) || !take_tuple(rest)) {
        return 0;
    }
    if (take(rest, dial_flag) && (!take_tuple(rest) || !take(rest, "}]"))) {
        return 0;
    }
    take(rest, ipv6_flag);
    return rest.empty() || take(rest, " ") ? line.size() - rest.size() : 0;
}

/// Without what outer calls have written: that is the first, or stands behind other flags that came later.
std::string without_ours(std::string line) {
    for (std::size_t at = line.find(listen_flag); at != std::string::npos; at = line.find(listen_flag, at)) {
        const auto length = length_of_ours(std::string_view(line).substr(at));
        line.erase(at, length);
        at += length == 0 ? listen_flag.size() : 0;
    }
    return line;
}

constexpr std::string_view begin_mark = "%% The hosts of loopmd, by epmdctl:\n";
constexpr std::string_view end_mark = "%% That was all of loopmd.\n";

/// Where a VM listens: IPv4 goes first, since that is what VMs speak unless they are told otherwise.
address main_address(host where, const hosts& known) {
    const auto all = known.addresses_of(where);
    const auto found = std::find_if(all.begin(), all.end(), [](const address& one) { return one.is_v4(); });
    return found != all.end() ? *found : all.front();
}

/// The user's folder for such files, if that is ours: not root's, whom others follow. Else the one for temporary files.
std::string parent_folder(const environment_variables& variable) {
    const auto runtime = variable("XDG_RUNTIME_DIR");
    struct stat status {};
    if (::geteuid() != 0 && runtime && runtime->starts_with('/') && ::stat(runtime->c_str(), &status) == 0 &&
        status.st_uid == ::geteuid()) {
        return *runtime + "/loopmd";
    }
    const auto temporary = variable("TMPDIR");
    return (temporary && temporary->starts_with('/') ? *temporary : "/tmp") + "/loopmd-" + std::to_string(::geteuid());
}

/// A folder for files that outlive us, that everybody may read, and that nobody else may put in another's place.
std::string private_folder(const environment_variables& variable) {
    auto folder = parent_folder(variable);
    constexpr mode_t readable = S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH;
    if (::mkdir(folder.c_str(), readable) != 0 && errno != EEXIST) {
        throw failure("the folder " + folder + " cannot be made: " + std::generic_category().message(errno) +
                      "; let TMPDIR name one that may be written to");
    }
    struct stat status {};
    const bool is_ours = ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                         status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (!is_ours) {
        throw failure("the folder " + folder + " is not ours alone; remove it, or let TMPDIR name another place");
    }
    ::chmod(folder.c_str(), readable); // whatever the umask is
    return folder;
}

std::string read_text(const std::string& file) {
    std::ifstream from(file);
    return {std::istreambuf_iterator<char>(from), {}};
}

/// In one step: a VM that starts meanwhile reads the old one or the new one.
void write_text(const std::string& file, const std::string& text) {
    const auto fresh = file + "." + std::to_string(::getpid());
    std::ofstream to(fresh);
    to << text;
    to.close();
    ::chmod(fresh.c_str(), S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
    if (!to || ::rename(fresh.c_str(), file.c_str()) != 0) {
        const int error = errno;
        ::unlink(fresh.c_str());
        throw failure("the file " + file + " cannot be written: " + std::generic_category().message(error));
    }
}

/// The name of the file that has the hosts. It is named by its content: whoever has it keeps it as it is.
std::string write_inetrc(const residence& about, const hosts& known, const environment_variables& variable) {
    const auto before = variable("ERL_INETRC");
    if (before && !before->empty() && ::access(before->c_str(), R_OK) != 0) {
        remark("ERL_INETRC names " + shown(*before) + ", which cannot be read and does not count");
    }
    const auto text = inetrc_with(before && !before->empty() ? read_text(*before) : "",
                                  inetrc_text(known, about.where, about.hostname));
    std::array<char, 2 * sizeof(std::size_t) + 1> hash{};
    std::to_chars(hash.data(), hash.data() + hash.size() - 1, std::hash<std::string>()(text), 16);
    auto file = private_folder(variable) + "/inetrc-" + hash.data();
    write_text(file, text);
    return file;
}

} // namespace

std::string inetrc_with(const std::string& before, const std::string& ours) {
    auto theirs = before;
    for (auto begin = theirs.find(begin_mark); begin != std::string::npos; begin = theirs.find(begin_mark)) {
        const auto end = theirs.find(end_mark, begin);
        theirs.erase(begin, end == std::string::npos ? end : end + end_mark.size() - begin);
    }
    if (!theirs.empty() && !theirs.ends_with('\n')) {
        theirs += '\n';
    }
    return theirs + std::string(begin_mark) + ours + std::string(end_mark);
}

std::string erl_flags(const std::string& before, const residence& about, const hosts& known) {
    const auto where = main_address(about.where, known);
    const auto tuple = erlang_tuple(where);
    auto line = std::string(listen_flag) + tuple;
    if (about.dials_from_there) {
        line += std::string(dial_flag) + tuple + "}]";
    }
    const auto others = without_ours(before);
    if (!where.is_v4() && about.may_choose_protocol && others.find("-proto_dist") == std::string::npos) {
        line += ipv6_flag;
    }
    return line + (others.empty() ? "" : " ") + others;
}

std::map<std::string, std::string> node_environment(const residence& about, const hosts& known,
                                                    const environment_variables& variable) {
    std::map<std::string, std::string> result;
    result["ERL_AFLAGS"] = erl_flags(variable("ERL_AFLAGS").value_or(""), about, known);
    result["ERL_INETRC"] = write_inetrc(about, known, variable);
    result["ERL_EPMD_PORT"] = std::to_string(about.epmd_port);
    if (!variable("LOOPMD_HOSTNAME") && !known.machine().hostname.empty()) {
        result["LOOPMD_HOSTNAME"] = known.machine().hostname; // for a daemon that is started in there
    }
    return result;
}

} // namespace epmd::ctl
