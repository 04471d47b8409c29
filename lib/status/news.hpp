/// What happens, numbered in its order: kept for who follows it, and for who asks what happened lately.
#pragma once

#include "registry/hosts.hpp"
#include "service/action.hpp"
#include "status/lexicon.hpp"

#include <boost/json/object.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace epmd {

class news {
  public:
    /// The first is 1; none has the number of another.
    using number = std::uint64_t;

    /// How many are kept for who asks what happened lately. Chosen, not tuned: more than a person reads.
    static constexpr std::size_t kept = 64;

    /// How many are kept for who follows and has not read them yet. Chosen, not tuned: some MB in all, whoever does not
    /// read, and what a crowd of 2,000 nodes tells that comes at once.
    static constexpr std::size_t most_unread = 4096;

    /// Something happened to a node.
    void add(event, time_point);
    /// Something happened to the daemon, which has a name: `reloaded`, `not_upgraded`, `hosts_changed`. `trouble`: what
    /// was wrong.
    void add(std::string_view what, std::optional<std::string> trouble, time_point);

    /// The number of the next one. Those from `first` to before it are there.
    [[nodiscard]] number next() const noexcept { return first_ + all_.size(); }
    [[nodiscard]] number first() const noexcept { return first_; }
    /// Where those begin that are kept for whoever asks.
    [[nodiscard]] number first_kept() const noexcept { return next() - std::min<number>(kept, all_.size()); }

    /// As a server-sent event. Precondition: it is there. Made once, however many read it.
    const std::string& text_of(number, const hosts&, lexicon&);
    /// As docs/status.md has it in `/recent`. Precondition: it is there.
    [[nodiscard]] boost::json::object report_of(number, const hosts&, lexicon&) const;

    /// Nobody needs those before that one any more, but who asks what happened lately.
    void forget_before(number);

  private:
    struct change {
        std::string_view name;
        std::optional<std::string> trouble;
    };
    struct item {
        std::variant<event, change> what;
        time_point at;
        std::string text; // as a server-sent event; empty: not made yet
    };

    [[nodiscard]] const item& at(number which) const { return all_[static_cast<std::size_t>(which - first_)]; }
    void keep(item);

    std::deque<item> all_;
    number first_ = 1;
};

} // namespace epmd
