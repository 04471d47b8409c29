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

/// How many nodes are written before others have their turn: 0.2 ms. Chosen, not tuned.
constexpr std::size_t nodes_a_slice = 64;

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

/// All nodes, newest first, as one object. Whoever goes meanwhile is left out; whoever comes is not in it.
class all_nodes {
  public:
    /// `separator`: before each node.
    all_nodes(const service& mind, wall_clock& clock, std::string_view separator)
        : mind_(mind), clock_(clock), separator_(separator) {
        for (const auto* one : mind.registrations().all()) {
            numbers_.push_back(one->connection);
        }
    }

    std::string operator()() {
        if (has_ended_) {
            return {};
        }
        std::string text = next_ == 0 ? R"({"nodes":[)" : "";
        const auto end = std::min(next_ + nodes_a_slice, numbers_.size());
        for (; next_ < end; ++next_) {
            if (const auto* one = mind_.registrations().find(numbers_[next_])) {
                text.append(std::exchange(has_nodes_, true) ? "," : "").append(separator_);
                text += json::serialize(report_of(*one, mind_.all_hosts(), clock_));
            }
        }
        has_ended_ = next_ == numbers_.size();
        // A slice whose nodes have all gone is not the last.
        return text + (has_ended_ ? "]}\n" : text.empty() ? " " : "");
    }

  private:
    const service& mind_;
    wall_clock& clock_;
    std::string separator_;
    std::vector<connection_number> numbers_;
    std::size_t next_ = 0;
    bool has_nodes_ = false;
    bool has_ended_ = false;
};

} // namespace

page_reply reply_of(page what, const service& mind, const std::function<daemon_facts()>& facts, wall_clock& clock) {
    constexpr std::string_view plain_text = "text/plain; charset=utf-8";
    switch (what) {
    case page::index:
        return {.type = plain_text, .body = one_slice(std::string(index_text))};
    case page::healthz:
        return {.type = plain_text, .body = one_slice("ok\n")};
    case page::hosts:
        return {.body = one_slice(line_of(report_of_hosts(mind.registrations(), mind.all_hosts())))};
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
