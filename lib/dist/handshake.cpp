#include "dist/handshake.hpp"

#include "wire/cursor.hpp"

namespace epmd::dist {
namespace {

constexpr std::size_t length_bytes = 2;

/// A record of TLS: an alert (what a TLS node answers) or a handshake, of version 3.x (RFC 8446, section 5.1). As the
/// length of a message it would be one of more than 5,000 bytes, and a status has at most 20.
bool is_tls(std::string_view bytes) noexcept {
    constexpr char alert = 0x15;
    constexpr char handshake_record = 0x16;
    constexpr char version_3 = 0x03;
    return bytes.size() >= 2 && (bytes[0] == alert || bytes[0] == handshake_record) && bytes[1] == version_3;
}

} // namespace

handshake::handshake(const send_name& introduction) {
    encode(introduction, opening_);
}

void handshake::receive(std::string_view bytes) {
    if (is_over()) {
        return;
    }
    received_bytes_ += bytes.size();
    if (received_bytes_ > max_received_bytes) {
        fail(failure::too_long);
        return;
    }
    received_.append(bytes);
    if (state_ == state::name_sent && is_tls(received_)) {
        fail(failure::tls);
        return;
    }
    while (!is_over()) {
        wire::cursor from(received_);
        const auto message = from.take(from.u16());
        if (from.has_failed()) {
            return; // not whole yet
        }
        const auto taken = length_bytes + message.size();
        take(message);
        received_.erase(0, taken);
    }
}

void handshake::end() {
    if (!is_over()) {
        fail(state_ == state::answered ? failure::cookie : failure::closed);
    }
}

std::string handshake::answer(const challenge_reply& reply, const digest& expected) {
    state_ = state::answered;
    expected_ = expected;
    std::string message;
    encode(reply, message);
    return message;
}

void handshake::take(std::string_view message) {
    if (state_ == state::name_sent) {
        take_status(message);
    } else if (state_ == state::accepted) {
        take_challenge(message);
    } else {
        take_proof(message);
    }
}

void handshake::take_proof(std::string_view message) {
    if (decode_challenge_ack(message) == expected_) {
        state_ = state::connected;
    } else {
        fail(failure::not_understood);
    }
}

void handshake::take_challenge(std::string_view message) {
    challenge_ = decode_challenge(message);
    if (challenge_) {
        state_ = state::challenged;
    } else {
        fail(failure::not_understood);
    }
}

void handshake::take_status(std::string_view message) {
    const auto answer = decode_status(message);
    if (!answer) {
        fail(failure::not_understood);
        return;
    }
    switch (*answer) {
    case status::ok:
    case status::ok_simultaneous:
        state_ = state::accepted;
        break;
    case status::nok:
        fail(failure::nok);
        break;
    case status::not_allowed:
        fail(failure::not_allowed);
        break;
    case status::alive:
        fail(failure::alive);
        break;
    case status::named: // we have a name
        fail(failure::not_understood);
        break;
    }
}

void handshake::fail(failure why) {
    state_ = state::failed;
    failure_ = why;
}

bool is_worth_another_try(handshake::failure why) noexcept {
    return why == handshake::failure::closed || why == handshake::failure::nok;
}

std::string_view to_string(handshake::failure why) noexcept {
    switch (why) {
    case handshake::failure::closed:
        return "closes the connection";
    case handshake::failure::nok:
        return "answers nok";
    case handshake::failure::not_allowed:
        return "answers not_allowed";
    case handshake::failure::alive:
        return "answers alive";
    case handshake::failure::cookie:
        return "does not accept the cookie";
    case handshake::failure::tls:
        return "speaks TLS";
    case handshake::failure::not_understood:
        return "gives an answer that is not understood";
    case handshake::failure::too_long:
        break;
    }
    return "answers with too many bytes";
}

} // namespace epmd::dist
