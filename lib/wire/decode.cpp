#include "wire/decode.hpp"

#include "wire/alive_name.hpp"
#include "wire/cursor.hpp"
#include "wire/limits.hpp"
#include "wire/message_bytes.hpp"

namespace epmd::wire {
namespace {

using decoded = std::variant<request, decode_error>;

bool has_nul(std::string_view text) noexcept {
    return text.find('\0') != std::string_view::npos;
}

/// A name that fills the rest of a request may end with one NUL (transcript of stock: one is dropped, two are not).
std::string_view without_trailing_nul(std::string_view name) noexcept {
    if (name.ends_with('\0')) {
        name.remove_suffix(1);
    }
    return name;
}

decoded decode_alive2(cursor in) noexcept {
    alive2_req message;
    message.port = in.u16();
    message.node_type = in.u8();
    message.protocol = in.u8();
    message.highest_version = in.u16();
    message.lowest_version = in.u16();
    message.alive_name = in.take(in.u16());
    message.extra = in.take(in.u16());
    if (in.has_failed()) {
        return decode_error::truncated;
    }
    if (message.alive_name.empty()) {
        return decode_error::empty_name;
    }
    if (has_nul(message.alive_name)) {
        return decode_error::nul_in_name;
    }
    return message;
}

decoded decode_port_please2(cursor in) noexcept {
    const auto name = without_trailing_nul(in.take_rest());
    switch (judge_alive_name(name)) {
    case name_verdict::good:
    case name_verdict::control_character:
        return port_please2_req{name};
    case name_verdict::empty:
        return decode_error::empty_name;
    case name_verdict::nul:
        return decode_error::nul_in_name;
    case name_verdict::malformed:
    case name_verdict::too_long:
        break;
    }
    return decode_error::malformed_name;
}

/// compat: the name ends at the first NUL, and may be no name at all: nobody is called so (transcript of stock).
decoded decode_stop(cursor in) noexcept {
    const auto name = in.take_rest();
    if (name.empty()) {
        return decode_error::empty_name;
    }
    return stop_req{name.substr(0, name.find('\0'))};
}

} // namespace

std::string_view to_string(decode_error error) noexcept {
    switch (error) {
    case decode_error::unknown_message:
        return "unknown message";
    case decode_error::truncated:
        return "a field ends outside the message";
    case decode_error::empty_name:
        return "empty name";
    case decode_error::nul_in_name:
        return "NUL in the name";
    case decode_error::malformed_name:
        return "name too long or not UTF-8";
    }
    return "";
}

/// Of bytes that begin with a length that no request has: whether they are HTTP that only reads.
framing frame_of_http(std::string_view received) noexcept {
    for (const std::string_view method : {"GET ", "HEAD "}) {
        if (received.starts_with(method)) {
            return framing::http;
        }
        if (method.starts_with(received)) {
            return framing::incomplete;
        }
    }
    return framing::invalid;
}

framing frame(std::string_view received) noexcept {
    if (received.size() < length_prefix_bytes) {
        return framing::incomplete;
    }
    const std::size_t length = cursor(received).u16();
    if (length == 0 || length > max_request_bytes) {
        return frame_of_http(received);
    }
    const auto whole = length_prefix_bytes + length;
    if (received.size() < whole) {
        return framing::incomplete;
    }
    return received.size() == whole ? framing::complete : framing::invalid;
}

std::size_t bytes_wanted(std::string_view received) noexcept {
    if (received.size() < length_prefix_bytes || cursor(received).u16() > max_request_bytes) {
        return max_received_bytes - received.size();
    }
    return length_prefix_bytes + cursor(received).u16() - received.size();
}

std::string_view request_of(std::string_view received) noexcept {
    return received.size() < length_prefix_bytes ? std::string_view() : received.substr(length_prefix_bytes);
}

std::variant<request, decode_error> decode_request(std::string_view bytes) noexcept {
    if (bytes.empty()) {
        return decode_error::truncated;
    }
    const cursor fields(bytes.substr(1));
    switch (bytes.front()) {
    case message_byte::alive2_req:
        return decode_alive2(fields);
    case message_byte::port_please2_req:
        return decode_port_please2(fields);
    case message_byte::names_req:
        return names_req{.with_hosts = bytes.substr(1) == message_byte::with_hosts};
    case message_byte::dump_req:
        return dump_req{};
    case message_byte::kill_req:
        return kill_req{};
    case message_byte::stop_req:
        return decode_stop(fields);
    default:
        return decode_error::unknown_message;
    }
}

std::optional<alive2_x_resp> decode_alive2_reply(std::string_view bytes) noexcept {
    cursor in(bytes);
    const auto message = static_cast<char>(in.u8());
    alive2_x_resp fields;
    fields.result = in.u8();
    fields.creation = message == message_byte::alive2_x_resp ? in.u32() : in.u16();
    const bool is_alive2 = message == message_byte::alive2_x_resp || message == message_byte::alive2_resp;
    if (in.has_failed() || !is_alive2) {
        return std::nullopt;
    }
    return fields;
}

std::optional<std::variant<port2_resp, port2_unknown>> decode_port2_reply(std::string_view bytes) noexcept {
    cursor in(bytes);
    const bool is_port2 = static_cast<char>(in.u8()) == message_byte::port2_resp;
    const auto result = in.u8();
    if (in.has_failed() || !is_port2) {
        return std::nullopt;
    }
    if (result != result_ok) {
        return port2_unknown{};
    }
    port2_resp fields;
    fields.port = in.u16();
    fields.node_type = in.u8();
    fields.protocol = in.u8();
    fields.highest_version = in.u16();
    fields.lowest_version = in.u16();
    fields.alive_name = in.take(in.u16());
    fields.extra = in.take(in.u16());
    if (in.has_failed()) {
        return std::nullopt;
    }
    return fields;
}

std::optional<listing> decode_listing(std::string_view bytes) noexcept {
    cursor in(bytes);
    const auto epmd_port = in.u32();
    const auto text = in.take_rest();
    if (in.has_failed()) {
        return std::nullopt;
    }
    return listing{epmd_port, text};
}

} // namespace epmd::wire
