#include "doctor/cookies.hpp"

#include "doctor/regular_file.hpp"
#include "output.hpp"
#include "shell.hpp"
#include "verb.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <vector>

#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace epmd::ctl::doctor {
namespace {

/// Below this release a VM looks at its home only (seen on 23 and 25).
constexpr int first_release_with_xdg = 24;

/// Below this one `-setcookie NODE COOKIE` is passed over (likewise).
constexpr int first_release_with_pairs = 24;

std::string why_text(unreadable why) {
    switch (why) {
    case unreadable::missing:
        return "there is none";
    case unreadable::forbidden:
        return "we may not read it";
    case unreadable::no_file:
        return "it is no regular file";
    case unreadable::too_long:
        return "it has more than 1 MiB";
    case unreadable::failed:
        break;
    }
    return "it cannot be read";
}

struct home_folders {
    std::string home;
    std::string config_home;
    bool has_xdg = true;
};

home_folders folders_of(const vm& who) {
    return {who.home, who.config_home, who.otp_release == 0 || who.otp_release >= first_release_with_xdg};
}

/// In the order in which a VM looks: the first that is there counts. A relative XDG_CONFIG_HOME does not count, and
/// where it is set the usual folder does not either.
std::vector<std::filesystem::path> cookie_files(const home_folders& where) {
    std::vector<std::filesystem::path> result;
    if (!where.home.empty()) {
        result.emplace_back(where.home + "/.erlang.cookie");
    }
    if (!where.has_xdg) {
        return result;
    }
    if (where.config_home.starts_with('/')) {
        result.emplace_back(where.config_home + "/erlang/.erlang.cookie");
    } else if (where.config_home.empty() && !where.home.empty()) {
        result.emplace_back(where.home + "/.config/erlang/.erlang.cookie");
    }
    return result;
}

known_cookie read_file_as_vm(const std::string& file, const std::string& whose, const file_content& content) {
    const auto called = shown(file) + whose;
    known_cookie result{.value = {}, .by = called, .trouble = {}};
    auto read = dist::read_cookie(content.text);
    if (const auto* fault = std::get_if<dist::cookie_fault>(&read)) {
        result.trouble = called + " " + std::string(to_string(*fault)) + ": no VM starts with it";
        result.is_refused = true;
        return result;
    }
    result.value = std::get<dist::cookie>(std::move(read));
    if ((content.mode & (S_IRWXG | S_IRWXO)) != 0) {
        result.trouble =
            called + " may be read or written by others: no VM starts with it: chmod 400 " + shell_quoted(file);
        result.is_refused = true;
    }
    return result;
}

/// Only so that a wait ends.
void note_signal(int) {}

/// No echo, for as long as it is held; a signal does not end us meanwhile, which would leave the terminal so, but what
/// is being read. Signals come in only while we wait for a key: one that comes before is not lost.
class unseen_typing {
  public:
    unseen_typing() {
        is_terminal_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        auto unseen = before_;
        unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        if (is_terminal_) {
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
            sigset_t blocked;
            ::sigemptyset(&blocked);
            struct sigaction action {};
            action.sa_handler = note_signal;
            for (std::size_t i = 0; i < signals.size(); ++i) {
                ::sigaddset(&blocked, signals.at(i));
                ::sigaction(signals.at(i), &action, &before_signals_.at(i));
            }
            ::pthread_sigmask(SIG_BLOCK, &blocked, &before_mask_);
        }
    }
    ~unseen_typing() {
        if (is_terminal_) {
            ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
            for (std::size_t i = 0; i < signals.size(); ++i) {
                ::sigaction(signals.at(i), &before_signals_.at(i), nullptr);
            }
            ::pthread_sigmask(SIG_SETMASK, &before_mask_, nullptr);
        }
    }
    unseen_typing(const unseen_typing&) = delete;
    unseen_typing& operator=(const unseen_typing&) = delete;

    [[nodiscard]] bool is_terminal() const { return is_terminal_; }

    /// Waits for the next letter. As read(2): 1, 0 at the end, or -1, also after a signal.
    ssize_t read(char& letter) const {
        pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        if (is_terminal_ && ::ppoll(&input, 1, nullptr, &before_mask_) < 0) {
            return -1;
        }
        return ::read(STDIN_FILENO, &letter, 1);
    }

  private:
    termios before_{};
    sigset_t before_mask_{};
    static constexpr std::array signals{SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};
    std::array<struct sigaction, signals.size()> before_signals_{};
    bool is_terminal_ = false;
};

} // namespace

known_cookie default_cookie(const vm& who, const std::string& for_node) {
    const auto whose = who.pid == 0 ? std::string() : " of " + pid_text(who);
    const auto by = who.pid == 0 ? std::string("-setcookie in ERL_FLAGS") : "-setcookie" + whose;
    const bool has_pairs = who.otp_release == 0 || who.otp_release >= first_release_with_pairs;
    if (auto for_one = has_pairs && !for_node.empty() ? who.cookie_by_flag(for_node) : std::nullopt) {
        return {.value = std::move(for_one), .by = by, .trouble = {}, .is_for_one = true};
    }
    if (auto by_flag = who.cookie_by_flag("")) {
        return {.value = std::move(by_flag), .by = by, .trouble = {}};
    }
    const auto folders = folders_of(who);
    known_cookie result;
    for (const auto& file : cookie_files(folders)) {
        auto why = unreadable::missing;
        const auto content = read_regular_file(path_within(who, file), why);
        if (content && who.pid != 0 && who.uid != 0 && content->owner != who.uid) {
            // Its user may have put a link to another's file there, for us to prove that we have read it.
            result.trouble = shown(file.string()) + whose + ": it is another user's";
            return result;
        }
        if (content) {
            return read_file_as_vm(file.string(), whose, *content);
        }
        if (why != unreadable::missing) {
            result.trouble = shown(file.string()) + whose + ": " + why_text(why);
            return result;
        }
        result.trouble = shown(file.string()) + whose + ": " + why_text(why);
    }
    if (result.trouble.empty()) {
        result.trouble = "there is no home to look for a cookie file in";
    }
    return result;
}

dist::cookie cookie_in_file(const std::string& path) {
    auto why = unreadable::missing;
    const auto content = read_regular_file(path, why);
    if (!content) {
        throw failure("the cookie file " + shown(path) + ": " + why_text(why));
    }
    auto read = dist::read_cookie(content->text);
    if (const auto* fault = std::get_if<dist::cookie_fault>(&read)) {
        throw failure("the cookie file " + shown(path) + " " + std::string(to_string(*fault)));
    }
    return std::get<dist::cookie>(std::move(read));
}

dist::cookie cookie_from_input(const std::string& of_what) {
    const unseen_typing unseen;
    if (unseen.is_terminal()) {
        remark("the cookie " + of_what + ", please:");
    }
    constexpr std::size_t longest_line = 4096; // far more than a cookie has
    std::string line;
    char letter = '\0';
    ssize_t count = 0;
    while (line.size() < longest_line && (count = unseen.read(letter)) == 1 && letter != '\n') {
        line += letter;
    }
    if (count < 0) {
        throw failure("no cookie was given: " + std::generic_category().message(errno));
    }
    auto read = dist::read_cookie(line);
    if (const auto* fault = std::get_if<dist::cookie_fault>(&read)) {
        throw failure("the cookie " + of_what + " on standard input " + std::string(to_string(*fault)));
    }
    return std::get<dist::cookie>(std::move(read));
}

} // namespace epmd::ctl::doctor
