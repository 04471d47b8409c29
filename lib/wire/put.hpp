/// Appends big-endian integers to a message: what `cursor` reads again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace epmd::wire {

/// Appends the lowest `bytes` bytes of an unsigned integer, most significant byte first. All at once: to append them
/// one by one took a sixth of the instructions of a lookup.
template <std::size_t bytes>
void put_integer(std::string& out, std::uint64_t value) {
    std::array<char, bytes> text; // NOLINT: filled here
    for (std::size_t i = 0; i < bytes; ++i) {
        text[i] = static_cast<char>(static_cast<std::uint8_t>(value >> (8U * (bytes - 1 - i))));
    }
    out.append(text.data(), text.size());
}

inline void put_u8(std::string& out, std::uint8_t value) {
    put_integer<1>(out, value);
}

inline void put_u16(std::string& out, std::uint16_t value) {
    put_integer<2>(out, value);
}

inline void put_u32(std::string& out, std::uint32_t value) {
    put_integer<4>(out, value);
}

inline void put_u64(std::string& out, std::uint64_t value) {
    put_integer<8>(out, value);
}

} // namespace epmd::wire
