/// Appends big-endian integers to a message: what `cursor` reads again.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

namespace epmd::wire {

/// Appends unsigned integers, each with as many bytes as its type has, most significant byte first. All at once: to
/// append them byte by byte took a sixth of the instructions of a lookup.
template <std::unsigned_integral... Integers>
void put_integers(std::string& out, Integers... values) {
    std::array<char, (sizeof(Integers) + ...)> bytes; // NOLINT: filled here
    std::size_t size = 0;
    const auto write = [&](auto value) {
        for (std::size_t left = sizeof value; left-- > 0;) {
            bytes[size++] = static_cast<char>(static_cast<std::uint8_t>(value >> (8 * left)));
        }
    };
    (write(values), ...);
    out.append(bytes.data(), bytes.size());
}

inline void put_u8(std::string& out, std::uint8_t value) {
    put_integers(out, value);
}

inline void put_u16(std::string& out, std::uint16_t value) {
    put_integers(out, value);
}

inline void put_u32(std::string& out, std::uint32_t value) {
    put_integers(out, value);
}

inline void put_u64(std::string& out, std::uint64_t value) {
    put_integers(out, value);
}

} // namespace epmd::wire
