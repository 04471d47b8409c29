/// Reads big-endian integers and byte strings from a buffer, with a sticky error: a decoder reads straight through
/// and asks once, at the end, whether all of it was there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace epmd::wire {

class cursor {
  public:
    explicit constexpr cursor(std::string_view bytes) noexcept : rest_(bytes) {}

    /// The next `count` bytes, a view into the buffer. Too few left: an empty view, and the cursor has failed.
    constexpr std::string_view take(std::size_t count) noexcept {
        if (failed_ || count > rest_.size()) {
            failed_ = true;
            return {};
        }
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    /// All that is left.
    constexpr std::string_view take_rest() noexcept { return take(rest_.size()); }

    /// An unsigned integer, most significant byte first; 0 when there are too few bytes, and the cursor has failed.
    constexpr std::uint8_t u8() noexcept { return static_cast<std::uint8_t>(integer(1)); }
    constexpr std::uint16_t u16() noexcept { return static_cast<std::uint16_t>(integer(2)); }
    constexpr std::uint32_t u32() noexcept { return static_cast<std::uint32_t>(integer(4)); }
    constexpr std::uint64_t u64() noexcept { return integer(8); }

    /// Whether more was asked for than there was. Once true, it stays true.
    [[nodiscard]] constexpr bool has_failed() const noexcept { return failed_; }

  private:
    constexpr std::uint64_t integer(std::size_t bytes) noexcept {
        std::uint64_t value = 0;
        for (const char byte : take(bytes)) {
            value = (value << 8U) | static_cast<std::uint8_t>(byte);
        }
        return value;
    }

    std::string_view rest_;
    bool failed_ = false;
};

} // namespace epmd::wire
