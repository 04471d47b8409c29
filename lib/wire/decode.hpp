/// Bytes to messages. Every function here is total: any bytes give a value, none throws, none allocates.
#pragma once

#include "wire/messages.hpp"

#include <cstddef>
#include <optional>
#include <string_view>
#include <variant>

namespace epmd::wire {

/// Why a request could not be decoded. The connection is closed without a reply, as stock does.
enum class decode_error {
    unknown_message, ///< no request begins with this byte
    truncated,       ///< a field ends outside the frame
    empty_name,      ///< an alive name of no bytes
    nul_in_name,     ///< a NUL inside an alive name
    malformed_name,  ///< a lookup for bytes that are not UTF-8, or too long to be a name
};

/// A few words for a log line.
std::string_view to_string(decode_error) noexcept;

/// Where a request ends in what was received so far.
enum class framing {
    incomplete, ///< more bytes are needed
    complete,   ///< exactly one request
    invalid,    ///< a length of 0 or above max_request_bytes, or bytes after the request (stock closes on each)
    http,       ///< no request of ours: it begins with `GET ` or `HEAD `, whose first two bytes are a length far above
                ///< max_request_bytes. compat: of these two, a part is incomplete, where stock closes
};

/// Judges what a connection sent so far, from its first byte. `request_of` gives the request of a complete one.
framing frame(std::string_view received) noexcept;

/// How many bytes to read next. Once the length is there, no more than the request has: what comes after it in a later
/// segment does not spoil it, as it does in one segment (transcript of stock). Precondition: frame(received) ==
/// framing::incomplete.
std::size_t bytes_wanted(std::string_view received) noexcept;

/// The request in `received`, without its length prefix. Precondition: frame(received) == framing::complete.
std::string_view request_of(std::string_view received) noexcept;

/// Decodes a request without its length prefix. Bytes after the last field are ignored, as stock does. The result
/// views `bytes`.
std::variant<request, decode_error> decode_request(std::string_view bytes) noexcept;

/// Decodes the reply to an ALIVE2_REQ, both forms. Empty: not such a reply, or not all of it.
std::optional<alive2_x_resp> decode_alive2_reply(std::string_view bytes) noexcept;

/// Decodes the reply to a PORT_PLEASE2_REQ. Empty: not such a reply, or not all of it. The result views `bytes`.
std::optional<std::variant<port2_resp, port2_unknown>> decode_port2_reply(std::string_view bytes) noexcept;

/// The text of a NAMES_REQ or DUMP_REQ reply and the epmd port before it.
struct listing {
    std::uint32_t epmd_port = 0;
    std::string_view text; ///< lines as the daemon wrote them

    bool operator==(const listing&) const = default;
};

/// Decodes the reply to a NAMES_REQ or DUMP_REQ. Empty: fewer than 4 bytes. The result views `bytes`.
std::optional<listing> decode_listing(std::string_view bytes) noexcept;

} // namespace epmd::wire
