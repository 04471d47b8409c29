/// An IP address as a plain value: IPv4 and IPv6 alike, IPv4-mapped IPv6 being IPv4.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace epmd {

/// 16 bytes, most significant first; IPv4 in its mapped form (RFC 4291, section 2.5.5.2), so that an address has one
/// value whatever kind of socket it came from. Scope identifiers are not kept.
class address {
  public:
    using bytes_v4 = std::array<std::uint8_t, 4>;
    using bytes_v6 = std::array<std::uint8_t, 16>;

    /// The IPv6 wildcard.
    constexpr address() noexcept = default;
    explicit constexpr address(const bytes_v6& bytes) noexcept : bytes_(bytes) {}
    explicit constexpr address(const bytes_v4& v4) noexcept
        : bytes_{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, v4[0], v4[1], v4[2], v4[3]} {}

    /// Dotted IPv4 or IPv6 text, as inet_pton(3) takes it; nothing for any other text, host names among it.
    static std::optional<address> parse(std::string_view text);

    [[nodiscard]] constexpr bool is_v4() const noexcept {
        for (std::size_t i = 0; i < 10; ++i) {
            if (bytes_[i] != 0) {
                return false;
            }
        }
        return bytes_[10] == 0xff && bytes_[11] == 0xff;
    }

    /// The last four bytes: the IPv4 address of one that is_v4().
    [[nodiscard]] constexpr bytes_v4 v4() const noexcept { return {bytes_[12], bytes_[13], bytes_[14], bytes_[15]}; }
    [[nodiscard]] constexpr const bytes_v6& v6() const noexcept { return bytes_; }

    /// In 127.0.0.0/8.
    [[nodiscard]] constexpr bool is_loopback_v4() const noexcept { return is_v4() && bytes_[12] == 127; }
    /// In 127.0.0.0/8, or ::1.
    [[nodiscard]] bool is_loopback() const noexcept;
    /// 0.0.0.0 or ::, what a socket bound to every address has.
    [[nodiscard]] bool is_wildcard() const noexcept;

    constexpr auto operator<=>(const address&) const noexcept = default;

  private:
    bytes_v6 bytes_{};
};

inline constexpr address loopback_v4{address::bytes_v4{127, 0, 0, 1}};
inline constexpr address loopback_v6{address::bytes_v6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
inline constexpr address wildcard_v4{address::bytes_v4{0, 0, 0, 0}};
inline constexpr address wildcard_v6{};

/// Dotted for IPv4, RFC 5952 for IPv6.
std::string to_string(const address&);

} // namespace epmd

template <>
struct std::hash<epmd::address> {
    std::size_t operator()(const epmd::address& address) const noexcept {
        const auto& bytes = address.v6();
        return std::hash<std::string_view>()(
            {reinterpret_cast<const char*>(bytes.data()), bytes.size()}); // NOLINT: bytes are bytes
    }
};
