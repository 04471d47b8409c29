/// The program that takes this one's place: another version of it, that was installed where this one was.
#pragma once

#include "handover/descriptor.hpp"
#include "handover/systemd.hpp"
#include "net/asio.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace epmd {

/// How this program was started: what an exec of its successor has to repeat.
struct program {
    std::string path;                   ///< absolute, as it was called: a link in it may lead elsewhere by now
    std::vector<std::string> arguments; ///< without the program's name
    std::string directory;              ///< where relative names in the arguments begin; empty: it is gone
    bool has_pipe_ignored = false;      ///< SIGPIPE, by the caller

    /// Of this process. To be called at the start: what /proc/self/exe says later is the old file.
    static program of_this_process(std::vector<std::string> arguments);
};

/// Has the successor read a snapshot, in a child, and say whether it can.
class trial {
  public:
    /// Called once, with what is wrong, as one clause; empty: nothing is.
    using verdict = std::function<void(std::optional<std::string>)>;

    /// Never waits. `table` is a snapshot_file's descriptor. Throws std::system_error.
    trial(asio::io_context&, const program&, int table, verdict);
    ~trial();
    trial(const trial&) = delete;
    trial& operator=(const trial&) = delete;

  private:
    using process_descriptor = asio::posix::basic_stream_descriptor<executor>;

    void end(bool is_late);

    process_descriptor process_; // a pidfd: readable when the child has ended
    timer deadline_;
    verdict verdict_;
    ::pid_t child_ = -1;
    descriptor said_; // what the child says
};

/// What the child of a trial does: reads the snapshot on standard input and says what is in it, or what is wrong.
/// Returns the exit status.
int try_snapshot();

/// Becomes the successor, which is passed these descriptors and finds itself as at a fresh start, but for the
/// handled signals, which wait until it unblocks them. Comes back only when it cannot: throws
/// std::system_error, and all is as it was.
void become(const program&, std::span<const passed_descriptor>);

} // namespace epmd
