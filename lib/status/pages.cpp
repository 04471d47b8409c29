#include "status/pages.hpp"

#include "status/metrics.hpp"
#include "status/page_files.hpp"
#include "status/report.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace epmd {
namespace {

namespace json = boost::json;

/// How many rows are written before others have their turn. Chosen, not tuned: some 0.1 ms.
constexpr std::size_t rows_a_slice = 32;

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

constexpr std::string_view index_text = "loopmd, the Erlang port mapper daemon. What is here:\n"
                                        "  /         the machine and its hosts, to be looked at with a browser\n"
                                        "  /hosts    all hosts, as JSON\n"
                                        "  /nodes    all nodes, as JSON\n"
                                        "  /recent   what happened lately, as JSON\n"
                                        "  /status   the daemon itself, as JSON\n"
                                        "  /events   all nodes, then what happens: server-sent events\n"
                                        "  /metrics  all that is counted, for Prometheus\n"
                                        "  /healthz  that it is alive\n";

/// A text that is made in one go, when it is asked for.
slices once(std::function<std::string()> make) {
    return [make = std::move(make)]() mutable -> std::optional<std::string> {
        if (!make) {
            return std::nullopt;
        }
        return std::exchange(make, nullptr)();
    };
}

/// One that is there for good.
slices once(std::string_view text) {
    return once([text] { return std::string(text); });
}

std::string line_of(const json::object& one) {
    return json::serialize(one) + "\n";
}

/// A list of which some are written at a time: `{"nodes":[` and so on. Whoever goes meanwhile is left out; whoever
/// comes is not in it.
template <typename Key>
class list {
  public:
    /// What is to be written of one; empty: it has gone.
    using writer = std::function<std::string(const Key&)>;

    /// `look`: what is in it, when it is begun. `separator`: before each.
    list(std::string_view name, std::function<std::vector<Key>()> look, std::string_view separator, writer write)
        : name_(name), look_(std::move(look)), separator_(separator), write_(std::move(write)) {}

    std::optional<std::string> operator()() {
        if (has_ended_) {
            return std::nullopt;
        }
        std::string text;
        if (look_) {
            keys_ = std::exchange(look_, nullptr)();
            text = "{\"" + name_ + "\":[";
        }
        const auto end = std::min(next_ + rows_a_slice, keys_.size());
        for (; next_ < end; ++next_) {
            if (const auto row = write_(keys_[next_]); !row.empty()) {
                text.append(std::exchange(has_rows_, true) ? "," : "").append(separator_).append(row);
            }
        }
        has_ended_ = next_ == keys_.size();
        return text + (has_ended_ ? "]}\n" : "");
    }

  private:
    std::string name_;
    std::function<std::vector<Key>()> look_; // null: it has begun
    std::vector<Key> keys_;
    std::string separator_;
    writer write_;
    std::size_t next_ = 0;
    bool has_rows_ = false;
    bool has_ended_ = false;
};

/// Newest first.
slices all_nodes(subject& what, std::string_view separator) {
    const auto look = [&what] {
        std::vector<connection_number> numbers;
        for (const auto* one : what.mind().registrations().all()) {
            numbers.push_back(one->connection);
        }
        return numbers;
    };
    return list<connection_number>("nodes", look, separator, [&what](const connection_number& number) {
        const auto* one = what.mind().registrations().find(number);
        return one == nullptr ? std::string() : json::serialize(report_of(*one, what.all_hosts(), what.words()));
    });
}

slices every_host(subject& what) {
    const auto look = [&what] { return all_hosts(what.mind().registrations(), what.all_hosts()); };
    return list<host>("hosts", look, "\n", [&what](const host& one) {
        return json::serialize(report_of(one, what.mind().registrations(), what.all_hosts()));
    });
}

/// The oldest first.
slices recent_events(subject& what) {
    const auto look = [&what] {
        const auto& lately = what.lately();
        std::vector<news::number> numbers(static_cast<std::size_t>(lately.next() - lately.first_kept()));
        std::iota(numbers.begin(), numbers.end(), lately.first_kept());
        return numbers;
    };
    return list<news::number>("events", look, "\n", [&what](const news::number& number) {
        return number < what.lately().first()
                   ? std::string()
                   : json::serialize(what.lately().report_of(number, what.all_hosts(), what.words()));
    });
}

} // namespace

page_reply reply_of(page which, subject& what, const asker& who) {
    switch (which) {
    case page::index:
        return who.wants_html ? page_reply{.type = "text/html; charset=utf-8", .body = once(page_files::index)}
                              : page_reply{.type = plain_text, .body = once(index_text)};
    case page::style:
        return {.type = "text/css; charset=utf-8", .body = once(page_files::style)};
    case page::script:
        return {.type = "text/javascript; charset=utf-8", .body = once(page_files::script)};
    case page::icon:
        return {.type = "image/svg+xml", .body = once(page_files::icon)};
    case page::healthz:
        return {.type = plain_text, .body = once(std::string_view("ok\n"))};
    case page::hosts:
        return {.body = every_host(what)};
    case page::status:
        return {.body = once([&what, at = who.at] {
                    const auto now = std::chrono::steady_clock::now();
                    return line_of(report_of(what.facts(), what.mind(), what.words(), at, now));
                })};
    case page::nodes:
        return {.body = all_nodes(what, "\n")};
    case page::recent:
        return {.body = recent_events(what)};
    case page::events:
        return {.type = "text/event-stream", .body = all_nodes(what, ""), .is_endless = true};
    case page::metrics:
        return {.type = metrics_type, .body = metrics_of(what)};
    }
    return {};
} // NOLINT(clang-analyzer-cplusplus.NewDeleteLeaks): it does not see that a std::function deletes what it has

page_reply refusal_reply(unsigned status, std::string_view why) {
    return {.status = status, .body = once([line = line_of({{"error", why}})] { return line; })};
}

} // namespace epmd
