#include "dist/messages.hpp"

#include "wire/alive_name.hpp"
#include "wire/cursor.hpp"
#include "wire/put.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace epmd::dist {
namespace {

constexpr char new_form = 'N';
constexpr char old_form = 'n';
constexpr char status_tag = 's';
constexpr char reply_tag = 'r';
constexpr char ack_tag = 'a';
constexpr std::uint16_t version_in_old_form = 5;

} // namespace

void encode(const send_name& message, std::string& out) {
    std::string body;
    if (message.highest_version >= first_version_with_new_form) {
        body.push_back(new_form);
        wire::put_u64(body, message.flags);
        wire::put_u32(body, message.creation);
        wire::put_u16(body, static_cast<std::uint16_t>(message.name.size()));
    } else {
        body.push_back(old_form);
        wire::put_u16(body, version_in_old_form);
        wire::put_u32(body, static_cast<std::uint32_t>(message.flags));
    }
    body.append(message.name);
    wire::put_u16(out, static_cast<std::uint16_t>(body.size()));
    out.append(body);
}

std::string digested_text(std::string_view cookie, std::uint32_t challenge) {
    return std::string(cookie) + std::to_string(challenge);
}

void encode(const challenge_reply& message, std::string& out) {
    std::string body(1, reply_tag);
    wire::put_u32(body, message.challenge);
    body.append(message.proof.data(), message.proof.size());
    wire::put_u16(out, static_cast<std::uint16_t>(body.size()));
    out.append(body);
}

std::optional<status> decode_status(std::string_view message) noexcept {
    constexpr std::array<std::pair<std::string_view, status>, 5> words{{{"ok", status::ok},
                                                                        {"ok_simultaneous", status::ok_simultaneous},
                                                                        {"nok", status::nok},
                                                                        {"not_allowed", status::not_allowed},
                                                                        {"alive", status::alive}}};
    if (message.empty() || message.front() != status_tag) {
        return std::nullopt;
    }
    message.remove_prefix(1);
    for (const auto& [word, meaning] : words) {
        if (message == word) {
            return meaning;
        }
    }
    return message.starts_with("named:") ? std::optional(status::named) : std::nullopt;
}

std::optional<send_challenge> decode_challenge(std::string_view message) {
    wire::cursor from(message);
    const auto tag = static_cast<char>(from.u8());
    send_challenge result;
    std::string_view name;
    if (tag == new_form) {
        result.flags = from.u64();
        result.challenge = from.u32();
        result.creation = from.u32();
        name = from.take(from.u16());
    } else if (tag == old_form) {
        from.u16(); // the version, which is 5 whatever it says
        result.flags = from.u32();
        result.challenge = from.u32();
        name = from.take_rest();
    }
    if (from.has_failed() || wire::judge_alive_name(name) != wire::name_verdict::good) {
        return std::nullopt;
    }
    result.name = name;
    return result;
}

std::optional<digest> decode_challenge_ack(std::string_view message) noexcept {
    digest proof{};
    if (message.size() != 1 + proof.size() || message.front() != ack_tag) {
        return std::nullopt;
    }
    std::copy(message.begin() + 1, message.end(), proof.begin());
    return proof;
}

} // namespace epmd::dist
