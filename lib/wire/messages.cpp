#include "wire/messages.hpp"

namespace epmd::wire {
namespace {

constexpr std::string_view name_of(const alive2_req&) noexcept {
    return "ALIVE2_REQ";
}

constexpr std::string_view name_of(const port_please2_req&) noexcept {
    return "PORT_PLEASE2_REQ";
}

constexpr std::string_view name_of(const names_req&) noexcept {
    return "NAMES_REQ";
}

constexpr std::string_view name_of(const dump_req&) noexcept {
    return "DUMP_REQ";
}

constexpr std::string_view name_of(const kill_req&) noexcept {
    return "KILL_REQ";
}

constexpr std::string_view name_of(const stop_req&) noexcept {
    return "STOP_REQ";
}

} // namespace

std::string_view to_string(const request& what) noexcept {
    return std::visit([](const auto& message) { return name_of(message); }, what);
}

} // namespace epmd::wire
