#include "status/metrics.hpp"

#include "status/own_process.hpp"
#include "status/report.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace epmd {
namespace {

/// How many hosts are written before others have their turn. Chosen, not tuned: some 0.05 ms.
constexpr std::size_t hosts_a_slice = 64;

using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::string escaped(std::string_view value) {
    std::string result;
    for (const char letter : utf8(value)) {
        if (letter == '\\' || letter == '"') {
            result += '\\';
        }
        if (letter == '\n') {
            result += "\\n";
        } else {
            result += letter;
        }
    }
    return result;
}

std::string number(double value) {
    std::array<char, 32> text{};
    const auto written = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general, 9);
    return {text.data(), written.ptr};
}

std::string number(std::uint64_t value) {
    return std::to_string(value);
}

/// Writes families of samples, one after the other.
class exposition {
  public:
    /// What follows belongs to that family. `type`: counter, gauge or histogram.
    void begin(std::string_view name, std::string_view type, std::string_view help) {
        name_ = name;
        text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
        text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
    }

    template <typename Number>
    void add(const labels& which, Number value, std::string_view suffix = "") {
        text_.append(name_).append(suffix);
        char separator = '{';
        for (const auto& [label, text] : which) {
            text_.append(1, std::exchange(separator, ',')).append(label).append("=\"");
            text_.append(escaped(text)).append("\"");
        }
        text_.append(separator == ',' ? "} " : " ").append(number(value)).append("\n");
    }

    template <typename Number>
    void one(std::string_view name, std::string_view type, std::string_view help, Number value) {
        begin(name, type, help);
        add({}, value);
    }

    /// What was written since the last call.
    std::string take() { return std::exchange(text_, {}); }

  private:
    std::string_view name_;
    std::string text_;
};

constexpr std::string_view counter = "counter";
constexpr std::string_view gauge = "gauge";

double in_seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

/// As the protocol document calls them, in the order of wire::request.
std::string_view name_of_type(std::size_t type) {
    static const std::array<wire::request, request_types> examples{wire::alive2_req{}, wire::port_please2_req{},
                                                                   wire::names_req{},  wire::dump_req{},
                                                                   wire::kill_req{},   wire::stop_req{}};
    return to_string(examples.at(type));
}

constexpr std::array<std::string_view, outcomes> outcome_names{
    "ok", "not_found", "name_taken", "name_not_allowed", "extra_too_long", "not_allowed", "gone", "too_many"};

/// Which outcomes a kind of request can have: a series that will never be is not shown.
bool can_be(std::size_t type, outcome what) {
    switch (what) {
    case outcome::ok:
        return true;
    case outcome::not_found:
        return type == type_of_request<wire::port_please2_req> || type == type_of_request<wire::stop_req>;
    case outcome::not_allowed:
        return type != type_of_request<wire::port_please2_req> && type != type_of_request<wire::names_req>;
    case outcome::name_taken:
    case outcome::name_not_allowed:
    case outcome::extra_too_long:
    case outcome::gone:
    case outcome::too_many:
        break;
    }
    return type == type_of_request<wire::alive2_req>;
}

void put_requests(exposition& out, const service_counters& asked) {
    out.begin("epmd_requests_total", counter, "Requests that were answered, by the name of their message.");
    for (std::size_t type = 0; type < request_types; ++type) {
        for (std::size_t what = 0; what < outcomes; ++what) {
            if (can_be(type, static_cast<outcome>(what))) {
                out.add({{"type", name_of_type(type)}, {"result", outcome_names.at(what)}},
                        asked.requests.at(type).at(what));
            }
        }
    }
}

void put_durations(exposition& out, const server_counters& counted) {
    out.begin("epmd_request_duration_seconds", "histogram",
              "Time from when a request was read whole until its reply was written.");
    for (std::size_t type = 0; type < request_types; ++type) {
        const auto& took = counted.answers.at(type);
        std::uint64_t below = 0;
        for (std::size_t place = 0; place < took.counts().size(); ++place) {
            below += took.counts().at(place);
            const auto bound =
                place < durations::bounds.size() ? number(in_seconds(durations::bounds.at(place))) : "+Inf";
            out.add({{"type", name_of_type(type)}, {"le", bound}}, below, "_bucket");
        }
        out.add({{"type", name_of_type(type)}}, in_seconds(took.sum()), "_sum");
        out.add({{"type", name_of_type(type)}}, below, "_count");
    }
}

constexpr std::array all_evidence{evidence::destination, evidence::source, evidence::listener, evidence::process,
                                  evidence::handshake};
static_assert(all_evidence.size() == evidence_kinds);

void put_nodes(exposition& out, const registry& all, const service_counters& counted, const limits& most) {
    out.begin("epmd_nodes_by_state", gauge, "Registered nodes, by whether their host is known.");
    for (const auto state :
         {placement_state::placed, placement_state::pending, placement_state::unplaced, placement_state::parked}) {
        out.add({{"state", to_string(state)}}, std::uint64_t{all.count(state)});
    }
    out.begin("epmd_nodes_by_evidence", gauge, "Placed nodes, by what says to which host they belong.");
    for (const auto how : all_evidence) {
        out.add({{"evidence", to_string(how)}}, std::uint64_t{all.count(how)});
    }
    out.begin("epmd_placements_total", counter,
              "How often a node got its place at a host, anew or at another, by evidence.");
    for (const auto how : all_evidence) {
        out.add({{"evidence", to_string(how)}}, counted.placements.at(static_cast<std::size_t>(how)));
    }
    out.one("epmd_nodes_max", gauge, "How many may be registered; then newcomers are refused.",
            std::uint64_t{most.max_registrations});
    out.one("epmd_nodes_adopted", gauge, "Nodes of an epmd before that have not registered here yet.",
            std::uint64_t{all.adopted_count()});
    out.one("epmd_unregistrations_total", counter, "Registrations that ended.", counted.ends);
}

void put_connections(exposition& out, const daemon_facts& facts) {
    const auto& counted = facts.counted;
    out.one("epmd_connections", gauge, "Open connections: registered nodes, those that wait, and HTTP.",
            std::uint64_t{facts.connections});
    out.one("epmd_connections_max", gauge, "How many may be open; then newcomers wait.",
            std::uint64_t{facts.most.max_connections});
    out.one("epmd_http_connections", gauge, "Open connections that speak HTTP.", std::uint64_t{facts.visitors.open});
    out.one("epmd_http_connections_max", gauge, "How many may be open.",
            std::uint64_t{facts.most.max_http_connections});
    out.one("epmd_event_streams", gauge, "Of those, event streams.", std::uint64_t{facts.visitors.following});
    out.one("epmd_event_streams_max", gauge, "How many may be open.", std::uint64_t{facts.most.max_event_streams});
    out.one("epmd_connections_accepted_total", counter, "Connections that were accepted.", counted.accepted);
    out.begin("epmd_connections_dropped_total", counter, "Connections that were closed without an answer.");
    out.add({{"reason", "not_a_request"}}, counted.not_requests);
    out.add({{"reason", "timed_out"}}, counted.timed_out);
    out.add({{"reason", "of_one_peer"}}, counted.of_one_peer);
    out.add({{"reason", "made_room"}}, counted.made_room);
    out.one("epmd_out_of_room_total", counter, "Episodes in which descriptors or memory ran out.", counted.out_of_room);
}

void put_life(exposition& out, const daemon_facts& facts) {
    out.begin("epmd_info", gauge, "1; which program this is.");
    out.add({{"program", "loopmd"}, {"version", facts.version}}, std::uint64_t{1});
    out.one("epmd_restarts_survived_total", counter, "How often a process went on with the nodes of the one before.",
            std::uint64_t{facts.restarts});
    out.one("epmd_survives_restart", gauge, "Whether somebody holds all nodes when this process ends.",
            std::uint64_t{facts.is_kept ? 1U : 0U});
    out.begin("epmd_config_reloads_total", counter, "How often the configuration was read again.");
    out.add({{"result", "ok"}}, facts.reloads.good);
    out.add({{"result", "failed"}}, facts.reloads.failed);
    out.one("epmd_config_last_reload_successful", gauge, "Whether the last time went well; 1 if there was none.",
            std::uint64_t{facts.reloads.trouble ? 0U : 1U});
}

void put_process(exposition& out, const daemon_facts& facts, lexicon& words) {
    const auto used = figures_of_this_process();
    out.one("process_cpu_seconds_total", counter, "CPU time of the process.", used.cpu_seconds);
    out.one("process_resident_memory_bytes", gauge, "Memory of the process.", used.resident_bytes);
    out.one("process_virtual_memory_bytes", gauge, "Its address space.", used.virtual_bytes);
    out.one("process_start_time_seconds", gauge, "When it began to serve, in seconds since 1970.",
            static_cast<std::uint64_t>(words.clock.seconds(facts.started)));
    out.one("process_max_fds", gauge, "How many descriptors it may have.", used.max_descriptors);
}

/// A scrape in the making.
class scrape {
  public:
    explicit scrape(subject& what) : what_(what) {}

    std::optional<std::string> operator()() {
        if (!has_begun_) {
            begin();
        } else if (next_host_ < hosts_.size()) {
            put_hosts();
        } else if (!has_descriptors_) {
            put_descriptors();
        } else {
            return std::nullopt;
        }
        return out_.take();
    }

  private:
    void begin() {
        const auto& mind = what_.mind();
        const auto facts = what_.facts();
        put_life(out_, facts);
        put_nodes(out_, mind.registrations(), mind.counted(), facts.most);
        put_requests(out_, mind.counted());
        put_durations(out_, facts.counted);
        put_connections(out_, facts);
        put_process(out_, facts, what_.words());
        hosts_ = all_hosts(mind.registrations(), what_.all_hosts());
        out_.begin("epmd_nodes", gauge, "Nodes that are placed at a host; the machine itself is 127.0.0.1.");
        has_begun_ = true;
    }

    void put_hosts() {
        const auto& mind = what_.mind();
        const auto end = std::min(next_host_ + hosts_a_slice, hosts_.size());
        for (; next_host_ < end; ++next_host_) {
            const auto& one = hosts_[next_host_];
            const auto address = to_string(one.first_address());
            const auto name = what_.all_hosts().first_name_of(one);
            out_.add({{"host", name.empty() ? address : name}, {"address", address}},
                     std::uint64_t{mind.registrations().count_at(one)});
        }
    }

    void put_descriptors() {
        if (!descriptors_) {
            descriptors_.emplace();
        }
        if (const auto open = descriptors_->count_on()) {
            descriptors_.reset();
            has_descriptors_ = true;
            out_.one("process_open_fds", gauge, "Descriptors that it has.", std::uint64_t{*open});
        }
    }

    subject& what_;
    std::vector<host> hosts_;
    exposition out_;
    bool has_begun_ = false;
    std::size_t next_host_ = 0;
    std::optional<descriptor_count> descriptors_; // while it is counted: it may hold a descriptor itself
    bool has_descriptors_ = false;
};

} // namespace

slices metrics_of(subject& what) {
    // std::function wants to be copied; a scrape is made once.
    return [making = std::make_shared<scrape>(what)] { return (*making)(); };
}

} // namespace epmd
