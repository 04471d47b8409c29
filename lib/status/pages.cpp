#include "status/pages.hpp"

#include "status/report.hpp"

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace epmd {
namespace {

namespace json = boost::json;

/// How many rows are written before others have their turn. Chosen, not tuned: some 0.1 ms.
constexpr std::size_t rows_a_slice = 32;

constexpr std::string_view index_text = "loopmd, the Erlang port mapper daemon. What is here:\n"
                                        "  /hosts    all hosts, as JSON\n"
                                        "  /nodes    all nodes, as JSON\n"
                                        "  /status   the daemon itself, as JSON\n"
                                        "  /events   all nodes, then what happens: server-sent events\n"
                                        "  /healthz  that it is alive\n";

slices one_slice(std::string text) {
    return [text = std::move(text)]() mutable { return std::exchange(text, {}); };
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

    /// `separator`: before each.
    list(std::string_view name, std::vector<Key> keys, std::string_view separator, writer write)
        : name_(name), keys_(std::move(keys)), separator_(separator), write_(std::move(write)) {}

    std::string operator()() {
        if (has_ended_) {
            return {};
        }
        std::string text = next_ == 0 ? "{\"" + name_ + "\":[" : "";
        const auto end = std::min(next_ + rows_a_slice, keys_.size());
        for (; next_ < end; ++next_) {
            if (const auto row = write_(keys_[next_]); !row.empty()) {
                text.append(std::exchange(has_rows_, true) ? "," : "").append(separator_).append(row);
            }
        }
        has_ended_ = next_ == keys_.size();
        // A slice whose rows have all gone is not the last.
        return text + (has_ended_ ? "]}\n" : text.empty() ? " " : "");
    }

  private:
    std::string name_;
    std::vector<Key> keys_;
    std::string separator_;
    writer write_;
    std::size_t next_ = 0;
    bool has_rows_ = false;
    bool has_ended_ = false;
};

/// Newest first.
slices all_nodes(const service& mind, wall_clock& clock, std::string_view separator) {
    std::vector<connection_number> numbers;
    for (const auto* one : mind.registrations().all()) {
        numbers.push_back(one->connection);
    }
    return list<connection_number>(
        "nodes", std::move(numbers), separator, [&mind, &clock](const connection_number& number) {
            const auto* one = mind.registrations().find(number);
            return one == nullptr ? std::string() : json::serialize(report_of(*one, mind.all_hosts(), clock));
        });
}

slices every_host(const service& mind) {
    return list<host>("hosts", all_hosts(mind.registrations(), mind.all_hosts()), "\n", [&mind](const host& one) {
        return json::serialize(report_of(one, mind.registrations(), mind.all_hosts()));
    });
}

} // namespace

page_reply reply_of(page what, const service& mind, const std::function<daemon_facts()>& facts, wall_clock& clock) {
    constexpr std::string_view plain_text = "text/plain; charset=utf-8";
    switch (what) {
    case page::index:
        return {.type = plain_text, .body = one_slice(std::string(index_text))};
    case page::healthz:
        return {.type = plain_text, .body = one_slice("ok\n")};
    case page::hosts:
        return {.body = every_host(mind)};
    case page::status:
        return {.body = one_slice(line_of(report_of(facts(), mind, clock, std::chrono::steady_clock::now())))};
    case page::nodes:
        return {.body = all_nodes(mind, clock, "\n")};
    case page::events:
        return {.type = "text/event-stream", .body = all_nodes(mind, clock, ""), .is_endless = true};
    }
    return {};
}

page_reply refusal_reply(unsigned status, std::string_view why) {
    return {.status = status, .body = one_slice(line_of({{"error", why}}))};
}

} // namespace epmd
