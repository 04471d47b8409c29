#include "handover/snapshot_file.hpp"

#include "wire/cursor.hpp"
#include "wire/put.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <endian.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace epmd {
namespace {

constexpr std::string_view magic = "loopmd:t";
constexpr std::size_t committed_at = 24;
constexpr std::size_t header_bytes = 32;

/// 300 registrations or so. Chosen, not tuned.
constexpr std::size_t least_bytes = 65536;

/// A registration is about 200 bytes, and 5 KB with the longest names; this is a million of those, twice. Chosen, not
/// tuned: a bound on what a foreign file can make us read.
constexpr std::uint64_t most_bytes = 10ULL << 30U;

/// Not executable, where the kernel knows that (6.3): a machine that is hardened allows no other (vm.memfd_noexec).
int make_memory_file() {
    constexpr unsigned not_executable = 0x0008; // MFD_NOEXEC_SEAL, which glibc 2.36 does not have
    const int made = ::memfd_create("loopmd-table", MFD_CLOEXEC | not_executable);
    return made < 0 && errno == EINVAL ? ::memfd_create("loopmd-table", MFD_CLOEXEC) : made;
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

snapshot_file::snapshot_file(std::uint64_t generation) : descriptor_(make_memory_file()), generation_(generation) {
    if (descriptor_ < 0) {
        fail("cannot make a memory file for the table");
    }
    try {
        reserve(least_bytes);
    } catch (...) {
        release();
        throw;
    }
    std::string header(magic);
    wire::put_integers(header, snapshot_version, std::uint32_t{0}, generation, std::uint64_t{0});
    std::memcpy(mapped_, header.data(), header.size());
}

snapshot_file::snapshot_file(snapshot_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), generation_(other.generation_),
      mapped_(std::exchange(other.mapped_, nullptr)), mapped_bytes_(std::exchange(other.mapped_bytes_, 0)),
      committed_(other.committed_) {}

snapshot_file& snapshot_file::operator=(snapshot_file&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(generation_, other.generation_);
    std::swap(mapped_, other.mapped_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(committed_, other.committed_);
    return *this;
}

snapshot_file::~snapshot_file() {
    release();
}

void snapshot_file::release() noexcept {
    if (mapped_ != nullptr) {
        ::munmap(mapped_, mapped_bytes_);
    }
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

/// The memory is reserved, so that no later write finds none (that would be SIGBUS).
void snapshot_file::reserve(std::size_t bytes) {
    const auto wanted = static_cast<off_t>(bytes);
    int error = 0;
    do {
        error = ::posix_fallocate(descriptor_, 0, wanted);
    } while (error == EINTR);
    if (error != 0) {
        errno = error;
        fail("no memory for the table");
    }
    void* const mapped = mapped_ == nullptr ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0)
                                            : ::mremap(mapped_, mapped_bytes_, bytes, MREMAP_MAYMOVE);
    if (mapped == MAP_FAILED) {
        fail("no address space for the table");
    }
    mapped_ = static_cast<char*>(mapped);
    mapped_bytes_ = bytes;
}

void snapshot_file::append(std::string_view records) {
    const auto begin = header_bytes + committed_;
    if (const auto end = begin + records.size(); end > mapped_bytes_) {
        auto bytes = mapped_bytes_;
        while (bytes < end) {
            bytes *= 2;
        }
        reserve(bytes);
    }
    std::memcpy(mapped_ + begin, records.data(), records.size());
    committed_ += records.size();
    auto* const field = reinterpret_cast<std::uint64_t*>(mapped_ + committed_at); // NOLINT: aligned, and mapped shared
    std::atomic_ref(*field).store(htobe64(committed_), std::memory_order_release);
}

std::variant<kept_snapshot, std::string> read_snapshot_file(int descriptor) {
    struct stat status {};
    if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
        return "it is no file";
    }
    const auto read = [&](std::size_t from, std::size_t size) {
        std::string bytes(size, '\0');
        std::size_t done = 0;
        while (done < size) {
            const auto part = ::pread(descriptor, bytes.data() + done, size - done, static_cast<off_t>(from + done));
            if (part <= 0) {
                break;
            }
            done += static_cast<std::size_t>(part);
        }
        bytes.resize(done);
        return bytes;
    };
    const auto header = read(0, header_bytes);
    wire::cursor in(header);
    const auto found_magic = in.take(magic.size());
    const auto version = in.u32();
    in.u32();
    const auto generation = in.u64();
    const auto committed = in.u64();
    if (in.has_failed() || found_magic != magic) {
        return "it is not loopmd's";
    }
    if (version != snapshot_version) {
        return "it has the layout " + std::to_string(version) + ", of another version of loopmd; this one reads " +
               std::to_string(snapshot_version);
    }
    if (committed > most_bytes || committed + header_bytes > static_cast<std::uint64_t>(status.st_size)) {
        return "it is shorter than it says";
    }
    const auto records = read(header_bytes, committed);
    if (records.size() != committed) {
        return "it cannot be read to its end";
    }
    auto content = read_snapshot(records);
    if (auto* const complaint = std::get_if<std::string>(&content)) {
        return std::move(*complaint);
    }
    return kept_snapshot{generation, std::move(std::get<snapshot>(content))};
}

} // namespace epmd
