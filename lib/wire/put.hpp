/// Appends big-endian integers to a message: what `cursor` reads again.
#pragma once

#include <cstdint>
#include <string>

namespace epmd::wire {

/// Each appends an unsigned integer, most significant byte first.
inline void put_u8(std::string& out, std::uint8_t value) {
    out.push_back(static_cast<char>(value));
}

inline void put_u16(std::string& out, std::uint16_t value) {
    put_u8(out, static_cast<std::uint8_t>(value >> 8U));
    put_u8(out, static_cast<std::uint8_t>(value));
}

inline void put_u32(std::string& out, std::uint32_t value) {
    put_u16(out, static_cast<std::uint16_t>(value >> 16U));
    put_u16(out, static_cast<std::uint16_t>(value));
}

inline void put_u64(std::string& out, std::uint64_t value) {
    put_u32(out, static_cast<std::uint32_t>(value >> 32U));
    put_u32(out, static_cast<std::uint32_t>(value));
}

} // namespace epmd::wire
