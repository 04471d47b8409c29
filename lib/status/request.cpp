#include "status/request.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace epmd {

std::optional<page> page_of(std::string_view target) noexcept {
    constexpr std::array<std::pair<std::string_view, page>, 11> pages{{{"/", page::index},
                                                                       {"/style.css", page::style},
                                                                       {"/script.js", page::script},
                                                                       {"/icon.svg", page::icon},
                                                                       {"/hosts", page::hosts},
                                                                       {"/nodes", page::nodes},
                                                                       {"/recent", page::recent},
                                                                       {"/status", page::status},
                                                                       {"/events", page::events},
                                                                       {"/metrics", page::metrics},
                                                                       {"/healthz", page::healthz}}};
    const auto* found = std::find_if(pages.begin(), pages.end(), [&](const auto& one) { return one.first == target; });
    return found == pages.end() ? std::nullopt : std::optional(found->second);
}

split_target split(std::string_view target) noexcept {
    constexpr std::string_view scheme = "http://";
    if (!target.starts_with(scheme)) {
        return {.authority = {}, .path = target};
    }
    target.remove_prefix(scheme.size());
    const auto slash = std::min(target.find('/'), target.size());
    return {.authority = target.substr(0, slash), .path = slash < target.size() ? target.substr(slash) : "/"};
}

bool wants_html(std::string_view accept) noexcept {
    return accept.find("text/html") != std::string_view::npos;
}

namespace {

/// The host of `host`, `host:port`, `[address]` and `[address]:port` (RFC 9110, section 7.2).
std::string_view without_port(std::string_view header) {
    if (header.starts_with('[')) {
        const auto end = header.find(']');
        return end == std::string_view::npos ? std::string_view() : header.substr(1, end - 1);
    }
    return header.substr(0, header.find(':'));
}

} // namespace

bool is_host_header_allowed(std::string_view header, const origin& from, const hosts& known) {
    auto name = without_port(header);
    if (const auto literal = address::parse(name)) {
        return *literal == from.local;
    }
    if (name.ends_with('.')) {
        name.remove_suffix(1);
    }
    return !name.empty() && (is_same_name(name, "localhost") || known.known_as(name));
}

} // namespace epmd
