#include "process.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

namespace epmd {
namespace {

constexpr std::array standard_descriptors{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

void require(bool is_done, const char* what) {
    if (!is_done) {
        throw std::system_error(errno, std::generic_category(), what);
    }
}

} // namespace

void occupy_standard_descriptors() {
    for (const int standard : standard_descriptors) {
        if (::fcntl(standard, F_GETFD) < 0) {
            require(::open("/dev/null", O_RDWR) == standard, "cannot open /dev/null"); // the lowest that is free
        }
    }
}

bool is_ignored(int signal) noexcept {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void leave_terminal(boost::asio::io_context& io) {
    // What can fail for want of something fails while the caller still hears of it.
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    require(nowhere >= 0, "cannot become a daemon (/dev/null)");
    io.notify_fork(boost::asio::io_context::fork_prepare);
    const auto child = ::fork();
    require(child >= 0, "cannot become a daemon (fork)");
    if (child > 0) {
        ::_exit(EXIT_SUCCESS);
    }
    io.notify_fork(boost::asio::io_context::fork_child);
    require(::setsid() >= 0, "cannot become a daemon (setsid)");
    require(::chdir("/") == 0, "cannot become a daemon (chdir)");
    for (const int standard : standard_descriptors) {
        ::dup2(nowhere, standard);
    }
    ::close(nowhere);
}

void close_inherited_descriptors() noexcept {
    ::close_range(STDERR_FILENO + 1, ~0U, 0);
}

signals_wait::signals_wait(bool is_successor) noexcept {
    sigset_t ours;
    sigemptyset(&ours);
    for (const int one : handled_signals) {
        sigaddset(&ours, one);
    }
    ::pthread_sigmask(SIG_BLOCK, &ours, &before_);
    if (is_successor) {
        sigemptyset(&before_);
    }
}

signals_wait::~signals_wait() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::size_t raise_descriptor_limit() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        constexpr std::size_t posix_least = 1024; // what stock can use at most
        return posix_least;
    }
    const auto before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

} // namespace epmd
