/// A snapshot in memory that outlives the process, as long as somebody holds its descriptor (memfd_create(2)).
///
///     magic        8 bytes, "loopmd:t"
///     version      u32, snapshot_version
///     unused       u32, 0
///     generation   u64, one more than that of the file before
///     committed    u64, how many bytes of records count
///     records      (handover/snapshot.hpp)
///
/// It only grows. A record is written behind `committed`, and then counts at once: a process that is killed at whatever
/// instruction leaves a file that is whole. So whatever is wrong in one is no accident of ours.
#pragma once

#include "handover/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace epmd {

class snapshot_file {
  public:
    /// An empty one. Throws std::system_error.
    explicit snapshot_file(std::uint64_t generation);
    snapshot_file(snapshot_file&&) noexcept;
    snapshot_file& operator=(snapshot_file&&) noexcept;
    snapshot_file(const snapshot_file&) = delete;
    snapshot_file& operator=(const snapshot_file&) = delete;
    ~snapshot_file();

    /// Adds records, all or none: throws std::system_error when there is no memory for them. Costs no system call but
    /// when the file has to grow, which it does by doubling.
    void append(std::string_view records);

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
    /// Of the records.
    [[nodiscard]] std::size_t size_bytes() const noexcept { return committed_; }

  private:
    void reserve(std::size_t bytes);
    void release() noexcept;

    int descriptor_ = -1;
    std::uint64_t generation_ = 0;
    char* mapped_ = nullptr;
    std::size_t mapped_bytes_ = 0;
    std::size_t committed_ = 0;
};

/// Another process's, read whole.
struct kept_snapshot {
    std::uint64_t generation = 0;
    snapshot content;
};

/// A text: why nothing of it counts, as one clause that follows on its name. Reads the file where it is, whatever else
/// has it open; changes nothing.
std::variant<kept_snapshot, std::string> read_snapshot_file(int descriptor);

} // namespace epmd
