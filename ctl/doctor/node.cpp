#include "doctor/node.hpp"

#include "doctor/digest.hpp"

#include <algorithm>
#include <thread>

namespace epmd::ctl::doctor {
namespace {

/// Before the second attempt. Chosen, not tuned.
constexpr std::chrono::milliseconds pause{200};

/// For a node to end its side. One that is met again at once by the same name may take the first for alive still: 5 to
/// 9 of 60 did (OTP 25 and 27), and none when it had ended. Chosen, not tuned.
constexpr std::chrono::milliseconds longest_end{200};

/// Whether asking once more, a moment later, may help: it is just coming up, or is being met by another of our name.
bool may_help(const introduction& about, const encounter& found) {
    const bool is_nobody = about.name == introduction().name;
    return found.failure &&
           (is_worth_another_try(*found.failure) || (is_nobody && found.failure == dist::handshake::failure::alive));
}

/// Sends what is to be sent and hears the node until nothing more is expected of it.
class conversation {
  public:
    conversation(const introduction& about, time_point until)
        : until_(until),
          handshake_(
              {.highest_version = about.highest_version, .flags = about.flags, .creation = 0, .name = about.name}) {}

    encounter have(const introduction& about, const dist::cookie* secret) {
        result_.connecting = connection_.open(about.where, about.port, about.from, until_);
        if (result_.connecting) {
            return result_;
        }
        if (say(handshake_.opening()) && handshake_.now() == dist::handshake::state::challenged && secret != nullptr) {
            const auto challenge = random_challenge();
            say(handshake_.answer(
                {.challenge = challenge, .proof = digest_of(*secret, handshake_.challenge().challenge)},
                digest_of(*secret, challenge)));
        }
        if (handshake_.is_challenged()) {
            result_.challenge = handshake_.challenge();
        }
        if (handshake_.now() == dist::handshake::state::failed) {
            result_.failure = handshake_.why();
        }
        result_.has_cookie = handshake_.now() == dist::handshake::state::connected;
        if (!result_.is_silent) {
            connection_.finish(std::min(until_, std::chrono::steady_clock::now() + longest_end));
        }
        return result_;
    }

  private:
    /// False: its time is up.
    bool say(std::string_view what) {
        error_code error = connection_.send(what, until_);
        while (!handshake_.is_over()) {
            std::string heard;
            if (!is_timeout(error)) {
                error = connection_.receive(heard, until_);
            }
            handshake_.receive(heard);
            if (is_timeout(error)) {
                result_.is_silent = true;
                return false;
            }
            if (error) {
                handshake_.end();
            }
        }
        return true;
    }

    time_point until_;
    dist::handshake handshake_;
    connection connection_;
    encounter result_;
};

} // namespace

encounter meet(const introduction& about, const dist::cookie* secret, time_point until) {
    auto first = conversation(about, until).have(about, secret);
    if (!may_help(about, first) || std::chrono::steady_clock::now() + pause >= until) {
        return first;
    }
    std::this_thread::sleep_for(pause);
    return conversation(about, until).have(about, secret);
}

} // namespace epmd::ctl::doctor
