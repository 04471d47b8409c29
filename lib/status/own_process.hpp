/// What this process uses of the machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace epmd {

struct process_figures {
    double cpu_seconds = 0;
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t max_descriptors = 0;
};

/// Costs some 10 us. What the system does not say is 0.
process_figures figures_of_this_process();

/// Counts the descriptors that are open, some at a time: ten thousand in one go would keep everybody else waiting for
/// milliseconds.
class descriptor_count {
  public:
    descriptor_count();
    ~descriptor_count();
    descriptor_count(descriptor_count&&) noexcept;
    descriptor_count& operator=(descriptor_count&&) noexcept;

    /// Counts on. Empty: there is more to count. Since Linux 6.2 the first call has them all.
    std::optional<std::size_t> count_on();

  private:
    struct folder;
    std::unique_ptr<folder> folder_; // null: it cannot be read, or was read whole
    std::size_t counted_ = 0;
};

} // namespace epmd
