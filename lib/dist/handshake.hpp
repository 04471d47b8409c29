/// The connecting side of the distribution handshake, without a socket: bytes in, bytes out.
///
/// A node says its full name before it asks for a cookie, so this is a way to ask who somebody is. Whoever wants to
/// know about the cookie as well goes on from the challenge.
#pragma once

#include "dist/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace epmd::dist {

class handshake {
  public:
    enum class state {
        name_sent,  ///< waits for the status
        accepted,   ///< waits for the challenge
        challenged, ///< see challenge(); goes on with answer()
        answered,   ///< waits for the other side's proof
        connected,  ///< both have one cookie
        failed,     ///< see why()
    };

    enum class failure {
        closed,         ///< the other side ended the connection
        nok,            ///< it answered `nok`: it is busy with another connection of that name
        not_allowed,    ///< it answered `not_allowed`
        alive,          ///< it answered `alive`
        cookie,         ///< it ended the connection when it had seen our proof
        tls,            ///< it speaks TLS
        not_understood, ///< something that is no answer
        too_long,       ///< more than max_received_bytes without an end
    };

    /// The most that is taken from the other side. Chosen, not tuned; a challenge with the longest name has 1,041
    /// bytes.
    static constexpr std::size_t max_received_bytes = 65536;

    explicit handshake(const send_name& introduction);

    /// What is to be sent first, and all that is to be sent until the challenge.
    [[nodiscard]] std::string_view opening() const noexcept { return opening_; }

    /// Goes on from the challenge: returns what is to be sent. `reply` has the proof for challenge(), `expected` is
    /// what the other side has to prove then. Precondition: challenged.
    std::string answer(const challenge_reply& reply, const digest& expected);

    /// Bytes came, however they are cut. Does nothing once it is over.
    void receive(std::string_view bytes);

    /// No more will come.
    void end();

    [[nodiscard]] state now() const noexcept { return state_; }
    /// Whether nothing more is expected of the other side.
    [[nodiscard]] bool is_over() const noexcept {
        return state_ == state::challenged || state_ == state::connected || state_ == state::failed;
    }
    /// Whether the other side has said who it is.
    [[nodiscard]] bool is_challenged() const noexcept { return challenge_.has_value(); }

    /// Precondition: is_challenged().
    [[nodiscard]] const send_challenge& challenge() const { return challenge_.value(); }
    /// Precondition: failed.
    [[nodiscard]] failure why() const { return failure_.value(); }

  private:
    void take(std::string_view message);
    void take_status(std::string_view message);
    void take_challenge(std::string_view message);
    void take_proof(std::string_view message);
    void fail(failure);

    std::string opening_;
    std::string received_; // of a message that is not whole
    std::size_t received_bytes_ = 0;
    state state_ = state::name_sent;
    std::optional<send_challenge> challenge_;
    digest expected_{};
    std::optional<failure> failure_;
};

/// Whether asking once more, a moment later, may help: a node that is just coming up closes, or is busy.
bool is_worth_another_try(handshake::failure) noexcept;

/// For a log: one clause, of the other side. "speaks TLS".
std::string_view to_string(handshake::failure) noexcept;

} // namespace epmd::dist
