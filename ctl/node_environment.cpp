#include "node_environment.hpp"

#include "host_text.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epmd::ctl {
namespace {

constexpr std::string_view listen_flag = "-kernel inet_dist_use_interface ";
constexpr std::string_view dial_flag = "-kernel inet_dist_connect_options ";

/// Where a VM listens: IPv4 goes first, since that is what VMs speak unless they are told otherwise.
address main_address(host where, const hosts& known) {
    const auto all = known.addresses_of(where);
    const auto found = std::find_if(all.begin(), all.end(), [](const address& one) { return one.is_v4(); });
    return found != all.end() ? *found : all.front();
}

/// Takes a flag of ours and its value, which has no spaces, out of a line.
void take_out(std::string& line, std::string_view flag) {
    for (auto at = line.find(flag); at != std::string::npos; at = line.find(flag)) {
        auto end = std::min(line.find(' ', at + flag.size()), line.size());
        end = std::min(line.find_first_not_of(' ', end), line.size());
        line.erase(at, end - at);
    }
    line.erase(line.find_last_not_of(' ') + 1);
}

/// A folder of ours for files that outlive us and that nobody else may put in another's place.
std::string private_folder(const environment_variables& variable) {
    const auto runtime = variable("XDG_RUNTIME_DIR");
    const auto temporary = variable("TMPDIR");
    const bool has_runtime = runtime && !runtime->empty() && ::access(runtime->c_str(), W_OK) == 0;
    const auto folder = has_runtime ? *runtime + "/loopmd"
                                    : (temporary && !temporary->empty() ? *temporary : "/tmp") + "/loopmd-" +
                                          std::to_string(::geteuid());
    struct stat status {};
    if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        throw failure("the folder " + folder + " cannot be made: " + std::generic_category().message(errno) +
                      "; let XDG_RUNTIME_DIR or TMPDIR name one that may be written to");
    }
    const bool is_ours = ::lstat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                         status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (!is_ours) {
        throw failure("the folder " + folder +
                      " is not ours alone; remove it, or let XDG_RUNTIME_DIR name another place");
    }
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
    if (!to || ::rename(fresh.c_str(), file.c_str()) != 0) {
        throw failure("the file " + file + " cannot be written: " + std::generic_category().message(errno));
    }
}

/// The name of the file that has the hosts.
std::string write_inetrc(const residence& about, const hosts& known, const environment_variables& variable) {
    auto text = inetrc_text(known, about.where, about.hostname);
    const auto file = private_folder(variable) + "/inetrc-" + std::to_string(about.epmd_port) + "-" + about.hostname;
    const auto before = variable("ERL_INETRC");
    if (before && !before->empty() && *before != file) {
        const auto theirs = read_text(*before);
        if (!theirs.starts_with(text.substr(0, text.find('\n')))) {
            text = text.substr(0, text.find('\n') + 1) + theirs + (theirs.ends_with('\n') ? "" : "\n") +
                   text.substr(text.find('\n') + 1);
        }
    }
    write_text(file, text);
    return file;
}

} // namespace

std::string erl_flags(const std::string& before, const residence& about, const hosts& known) {
    auto line = before;
    take_out(line, listen_flag);
    take_out(line, dial_flag);
    const auto where = erlang_tuple(main_address(about.where, known));
    line += (line.empty() ? "" : " ") + std::string(listen_flag) + where;
    if (about.dials_from_there) {
        line += " " + std::string(dial_flag) + "[{ifaddr," + where + "}]";
    }
    return line;
}

std::map<std::string, std::string> node_environment(const residence& about, const hosts& known,
                                                    const environment_variables& variable) {
    std::map<std::string, std::string> result;
    result["ERL_AFLAGS"] = erl_flags(variable("ERL_AFLAGS").value_or(""), about, known);
    result["ERL_INETRC"] = write_inetrc(about, known, variable);
    result["ERL_EPMD_PORT"] = std::to_string(about.epmd_port);
    return result;
}

} // namespace epmd::ctl
