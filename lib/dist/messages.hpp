/// The messages of the distribution handshake, as far as the connecting side needs them up to the challenge
/// (distribution protocol document, section "Distribution Handshake"; what the document leaves open was seen on OTP 25
/// and 27). Each travels after its length in two bytes, most significant first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epmd::dist {

/// Capabilities, of the document's table of distribution flags: the ones without which a node refuses a handshake, and
/// the one that hidden nodes lack.
namespace flag {

inline constexpr std::uint64_t published = 0x1;
inline constexpr std::uint64_t extended_references = 0x4;
inline constexpr std::uint64_t fun_tags = 0x10;
inline constexpr std::uint64_t new_fun_tags = 0x80;
inline constexpr std::uint64_t extended_pids_ports = 0x100;
inline constexpr std::uint64_t export_ptr_tag = 0x200;
inline constexpr std::uint64_t bit_binaries = 0x400;
inline constexpr std::uint64_t new_floats = 0x800;
inline constexpr std::uint64_t utf8_atoms = 0x10000;
inline constexpr std::uint64_t map_tag = 0x20000;
inline constexpr std::uint64_t big_creation = 0x40000;
inline constexpr std::uint64_t handshake_23 = 0x1000000;
inline constexpr std::uint64_t unlink_id = 0x2000000;
inline constexpr std::uint64_t mandatory_25_digest = 0x4000000;
inline constexpr std::uint64_t v4_nc = 0x400000000;

/// What OTP 22 and earlier want, and later ones know.
inline constexpr std::uint64_t mandatory_before_23 = extended_references | fun_tags | new_fun_tags |
                                                     extended_pids_ports | export_ptr_tag | bit_binaries | new_floats |
                                                     utf8_atoms | map_tag | big_creation;
/// What OTP 26 made mandatory, and 25 and 27 by their own rules.
inline constexpr std::uint64_t mandatory_26 =
    mandatory_before_23 | handshake_23 | unlink_id | mandatory_25_digest | v4_nc;

} // namespace flag

/// From this highest version on a node is sent `N` (OTP 23), below it `n`.
inline constexpr std::uint16_t first_version_with_new_form = 6;

/// Without the flag PUBLISHED, which is in none of the sets above: the node that sends this is hidden.
struct send_name {
    std::uint16_t highest_version = first_version_with_new_form; ///< of whom it is sent to
    std::uint64_t flags = flag::mandatory_26;                    ///< `n` carries the lower 32 bits
    std::uint32_t creation = 0;                                  ///< `n` carries none
    std::string_view name;

    bool operator==(const send_name&) const = default;
};

/// The first answer to send_name.
enum class status {
    ok,
    ok_simultaneous, ///< as ok, and a connection attempt in the other direction is given up
    nok,             ///< an attempt in the other direction goes on
    not_allowed,     ///< flags are missing, or the asked node's user allows other names only
    alive,           ///< it takes a connection with a node of our name for alive
    named,           ///< it gave us a name, for which send_name must ask
};

/// Then this: who it is, and the number that proves the knowledge of the cookie.
struct send_challenge {
    std::uint64_t flags = 0;
    std::uint32_t challenge = 0;
    std::uint32_t creation = 0; ///< 0: the message was `n`, which carries none
    std::string name;           ///< the full node name

    bool operator==(const send_challenge&) const = default;
};

/// Proof that one has a cookie: of the cookie's text and the other side's challenge in decimal, the MD5.
using digest = std::array<char, 16>;

/// What whoever connects sends after the challenge.
struct challenge_reply {
    std::uint32_t challenge = 0; ///< for the other side to answer
    digest proof{};

    bool operator==(const challenge_reply&) const = default;
};

/// What is digested, before its MD5 is taken.
std::string digested_text(std::string_view cookie, std::uint32_t challenge);

/// Appends the message with its length. The name must be a node name: at most 255 characters.
void encode(const send_name&, std::string& out);
void encode(const challenge_reply&, std::string& out);

/// A message without its length. Nothing: it is not that message. Total.
std::optional<status> decode_status(std::string_view message) noexcept;
/// A name in it is good UTF-8 of at most 255 characters, none of them a control character; else it is not understood.
std::optional<send_challenge> decode_challenge(std::string_view message);
/// The last message of a handshake: the other side's proof.
std::optional<digest> decode_challenge_ack(std::string_view message) noexcept;

} // namespace epmd::dist
