#include "successor.hpp"

#include "handover/snapshot_file.hpp"
#include "process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <linux/close_range.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace epmd {
namespace {

/// A child that reads a table of 15,000 nodes and the settings takes some 20 ms. Chosen, not tuned.
constexpr std::chrono::seconds longest_trial{10};

/// As execve(2) and posix_spawn(3) take it.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (auto& text : texts) {
        result.push_back(text.data());
    }
    result.push_back(nullptr);
    return result;
}

std::vector<std::string> command_line(const program& self) {
    std::vector<std::string> words{self.path};
    words.insert(words.end(), self.arguments.begin(), self.arguments.end());
    return words;
}

[[noreturn]] void fail(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), what);
}

/// What is written to the second is read from the first.
std::array<descriptor, 2> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        fail(errno, "cannot make a pipe");
    }
    return {descriptor(ends[0]), descriptor(ends[1])};
}

/// Starts the successor with the table as its standard input, and what it says going to `said`.
::pid_t spawn_trial(const program& self, int table, int said) {
    auto words = command_line(self);
    words.emplace_back("--check-snapshot");
    auto arguments = pointers_to(words);
    ::posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, table, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, said, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1); // Asio's sockets are not close-on-exec
    if (!self.directory.empty()) {
        ::posix_spawn_file_actions_addchdir_np(&actions, self.directory.c_str());
    }
    ::posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigset_t pipe;
    sigemptyset(&none);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &pipe);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::pid_t child = -1;
    const int error = ::posix_spawn(&child, self.path.c_str(), &actions, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        fail(error, "cannot run " + self.path);
    }
    return child;
}

} // namespace

program program::of_this_process(std::vector<std::string> arguments) {
    program self{.path = {}, .arguments = std::move(arguments), .directory = {}, .has_pipe_ignored = false};
    std::error_code error; // a folder that was removed matters to who has a relative name only
    self.directory = std::filesystem::current_path(error).string();
    const auto* const called = reinterpret_cast<const char*>(::getauxval(AT_EXECFN)); // NOLINT: as getauxval(3) says
    const std::filesystem::path path = called == nullptr ? "" : called;
    self.path = (path.is_absolute() ? path : std::filesystem::path(self.directory) / path).string();
    if (path.empty() || !std::filesystem::exists(self.path, error)) { // run by its descriptor
        self.path = std::filesystem::read_symlink("/proc/self/exe", error).string();
    }
    struct sigaction action {};
    self.has_pipe_ignored = ::sigaction(SIGPIPE, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
    return self;
}

trial::trial(asio::io_context& io, const program& self, int table, verdict tell)
    : process_(io), deadline_(io), verdict_(std::move(tell)) {
    auto said = make_pipe();
    const auto child = spawn_trial(self, table, said[1].number());
    // glibc 2.36 declares pidfd_open for C only.
    descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
    if (!process.is_there()) {
        const int error = errno;
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        fail(error, "cannot watch " + self.path);
    }
    child_ = child;
    said_ = std::move(said[0]);
    process_.assign(process.release());
    process_.async_wait(process_descriptor::wait_read, [this](boost::system::error_code error) {
        if (!error) {
            end(false);
        }
    });
    deadline_.expires_after(longest_trial);
    deadline_.async_wait([this](boost::system::error_code error) {
        if (!error) {
            end(true);
        }
    });
}

trial::~trial() {
    if (child_ > 0) {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }
}

/// The child has ended, or has had its time; both may be told of in one turn of the loop.
void trial::end(bool is_late) {
    if (child_ <= 0) {
        return;
    }
    deadline_.cancel();
    process_.cancel();
    if (is_late) {
        ::kill(child_, SIGKILL);
    }
    int status = 0;
    const auto child = std::exchange(child_, -1);
    const bool is_known = ::waitpid(child, &status, 0) == child;
    std::array<char, 512> buffer{};
    const auto size = ::read(said_.number(), buffer.data(), buffer.size());
    std::string said(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    said.erase(said.find_last_not_of(" \r\n") + 1);
    std::optional<std::string> trouble;
    if (is_late) {
        trouble = "it did not answer within " + std::to_string(longest_trial.count()) + " s";
    } else if (!is_known || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS) {
        trouble = said.empty() ? "it ended with wait status " + std::to_string(status) : "it says: " + said;
    }
    std::exchange(verdict_, nullptr)(std::move(trouble));
}

int try_snapshot() {
    const auto read = read_snapshot_file(STDIN_FILENO);
    if (const auto* const complaint = std::get_if<std::string>(&read)) {
        std::fprintf(stderr, "epmd: the table on standard input does not count: %s\n", complaint->c_str());
        return EXIT_FAILURE;
    }
    std::printf("loopmd " LOOPMD_VERSION " can go on with it: %zu nodes\n",
                std::get<kept_snapshot>(read).content.table.registrations.size());
    return EXIT_SUCCESS;
}

void become(const program& self, std::span<const passed_descriptor> passed) {
    auto words = command_line(self);
    auto arguments = pointers_to(words);
    std::vector<std::string> variables;
    for (char** one = environ; *one != nullptr; ++one) {
        variables.emplace_back(*one);
    }
    variables.push_back(variable_for_passing(::getpid(), passed));
    auto environment = pointers_to(variables);

    const int here = ::open(".", O_PATH | O_CLOEXEC | O_DIRECTORY);
    sigset_t ours;
    sigset_t before;
    sigemptyset(&ours);
    for (const int one : handled_signals) {
        sigaddset(&ours, one);
    }
    ::pthread_sigmask(SIG_BLOCK, &ours, &before);
    std::signal(SIGPIPE, self.has_pipe_ignored ? SIG_IGN : SIG_DFL);
    if (!self.directory.empty() && ::chdir(self.directory.c_str()) != 0) {
        // As at the start, when it was gone already or will be missed by who has a relative name.
    }
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); // Asio's sockets are not
    for (const auto& one : passed) {
        ::fcntl(one.descriptor, F_SETFD, 0);
    }
    ::execve(self.path.c_str(), arguments.data(), environment.data());
    const int error = errno;
    for (const auto& one : passed) {
        ::fcntl(one.descriptor, F_SETFD, FD_CLOEXEC);
    }
    if (here >= 0) {
        [[maybe_unused]] const int back = ::fchdir(here);
        ::close(here);
    }
    std::signal(SIGPIPE, SIG_IGN);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    fail(error, "cannot become " + self.path);
}

} // namespace epmd
