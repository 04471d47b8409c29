/// The pages that are shown, as text.
#pragma once

#include "service/service.hpp"
#include "status/facts.hpp"
#include "status/request.hpp"
#include "status/wall_clock.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace epmd {

/// The next part of a text; empty: that was all. Between two calls the world may change.
using slices = std::function<std::string()>;

struct page_reply {
    unsigned status = 200; ///< as RFC 9110 numbers them
    std::string_view type = "application/json";
    slices body;
    bool is_endless = false; ///< the body is only how it begins: what happens follows
};

/// A page. Its body refers to `mind` and `clock`.
page_reply reply_of(page, const service& mind, const std::function<daemon_facts()>&, wall_clock& clock);

/// Why there is none.
page_reply refusal_reply(unsigned status, std::string_view why);

} // namespace epmd
