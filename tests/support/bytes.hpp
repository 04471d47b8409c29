/// Messages written down byte by byte, as the protocol document and a transcript have them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace epmd::test {

/// All parts, one after the other: a number is one byte, text is itself.
template <typename... Part>
std::string bytes(const Part&... parts) {
    std::string out;
    [[maybe_unused]] const auto put = [&out](const auto& part) {
        if constexpr (std::is_convertible_v<decltype(part), std::string_view>) {
            out.append(std::string_view(part));
        } else {
            out.push_back(static_cast<char>(part));
        }
    };
    (put(parts), ...);
    return out;
}

/// Two bytes, most significant first.
inline std::string u16(std::size_t value) {
    return bytes((value >> 8U) & 0xffU, value & 0xffU);
}

/// Four bytes, most significant first.
inline std::string u32(std::uint32_t value) {
    return u16(value >> 16U) + u16(value & 0xffffU);
}

/// A request with its length before it.
inline std::string framed(std::string_view request) {
    return bytes(u16(request.size()), request);
}

/// As /proc/PID/cmdline and /proc/PID/environ have them: each text ended by a NUL.
inline std::string ended_by_nul(const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& one : texts) {
        out += one + '\0';
    }
    return out;
}

/// `count` times the same text.
inline std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        out.append(text);
    }
    return out;
}

} // namespace epmd::test
