#include "status/own_process.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

namespace epmd {
namespace {

constexpr const char* descriptors_folder = "/proc/self/fd";

/// Counted at once. Chosen, not tuned: some 0.1 ms.
constexpr int counted_a_time = 128;

double seconds_of(const timeval& time) {
    constexpr double microseconds = 1e6;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / microseconds;
}

} // namespace

process_figures figures_of_this_process() {
    process_figures result;
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0) {
        result.cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    }
    std::uint64_t virtual_pages = 0;
    std::uint64_t resident_pages = 0;
    if (std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages) { // proc(5)
        const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        result.virtual_bytes = virtual_pages * page_bytes;
        result.resident_bytes = resident_pages * page_bytes;
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        result.max_descriptors = limit.rlim_cur;
    }
    return result;
}

struct descriptor_count::folder {
    std::error_code error; // before the iterator, which sets it
    std::filesystem::directory_iterator next{descriptors_folder, error};
};

descriptor_count::descriptor_count() {
    struct stat about {};
    if (::stat(descriptors_folder, &about) == 0 && about.st_size > 0) {
        counted_ = static_cast<std::size_t>(about.st_size);
        return;
    }
    folder_ = std::make_unique<folder>();
    if (folder_->error) {
        folder_.reset();
    }
}

descriptor_count::~descriptor_count() = default;
descriptor_count::descriptor_count(descriptor_count&&) noexcept = default;
descriptor_count& descriptor_count::operator=(descriptor_count&&) noexcept = default;

std::optional<std::size_t> descriptor_count::count_on() {
    for (int i = 0; folder_ && i < counted_a_time; ++i) {
        if (folder_->error || folder_->next == std::filesystem::directory_iterator()) {
            folder_.reset();
            --counted_; // the one of the folder itself
        } else {
            ++counted_;
            folder_->next.increment(folder_->error);
        }
    }
    return folder_ ? std::nullopt : std::optional(counted_);
}

} // namespace epmd
