/// The pages that are shown, as text.
#pragma once

#include "service/service.hpp"
#include "status/facts.hpp"
#include "status/lexicon.hpp"
#include "status/news.hpp"
#include "status/request.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace epmd {

/// What is shown: the daemon, as it is when a page is written.
class subject {
  public:
    subject(std::function<const service&()> mind, std::function<daemon_facts()> facts)
        : mind_(std::move(mind)), facts_(std::move(facts)) {}

    [[nodiscard]] const service& mind() const { return mind_(); }
    [[nodiscard]] const hosts& all_hosts() const { return mind_().all_hosts(); }
    [[nodiscard]] daemon_facts facts() const { return facts_(); }
    /// What has happened to it.
    [[nodiscard]] news& lately() noexcept { return lately_; }
    [[nodiscard]] lexicon& words() noexcept { return words_; }

  private:
    std::function<const service&()> mind_;
    std::function<daemon_facts()> facts_;
    news lately_;
    lexicon words_;
};

/// The next part of a text, which may be empty; nothing: that was all. Between two calls the world may change; before
/// the first nothing was looked at.
using slices = std::function<std::optional<std::string>()>;

struct page_reply {
    unsigned status = 200; ///< as RFC 9110 numbers them
    std::string_view type = "application/json";
    slices body;
    bool is_endless = false; ///< the body is only how it begins: what happens follows
};

/// Who asks.
struct asker {
    address at; ///< which of our addresses was dialled
    bool wants_html = false;
};

/// A page. Its body refers to `what`.
page_reply reply_of(page, subject& what, const asker&);

/// Why there is none.
page_reply refusal_reply(unsigned status, std::string_view why);

} // namespace epmd
