/// A service with simulated connections and a simulated clock: a test tells a story and asks how it stands.
#pragma once

#include "service/service.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace epmd::test {

/// An address from text that is one.
address ip(std::string_view text);

/// What became of a connection.
enum class fate { waiting, registered, refused, answered, closed };

/// A host that the evidence may name: "" is none.
finding evidence_for(std::string_view host_address, std::string host_name = {}, std::int32_t pid = 0);

class scene : private liveness {
  public:
    /// The machine is called `workshop` and is 127.0.1.1 as well.
    explicit scene(std::vector<configured_host> configured = {}, policy = {});

    // ---- what happens

    /// A node asks to be registered. Gives its connection.
    connection_number registers(std::string_view alive_name, std::uint16_t port, std::string_view to = "127.0.0.1",
                                std::string_view from = "127.0.0.1", std::uint16_t highest_version = 6);
    /// A node of another epmd is taken over, without a connection. Gives the number under which it is known.
    connection_number is_taken_over(std::string_view alive_name, std::uint16_t port);
    connection_number looks_up(std::string_view alive_name, std::string_view at);
    connection_number asks_for_names(std::string_view at);
    connection_number requests(const wire::request&, std::string_view to, std::string_view from);
    void is_found(connection_number, finding);
    /// Its connection ends, and the service is told.
    void ends(connection_number);
    /// Its connection ends, and nobody has told the service yet.
    void dies_unnoticed(connection_number);
    void passes(std::chrono::milliseconds);
    /// There is no room. False: no lookup waits.
    bool answers_longest();
    void hosts_become(std::vector<configured_host>, machine_identity);
    void reloads();
    /// Another process goes on with what this one wrote down, and with the connections of the registrations: as after
    /// SIGKILL. Whoever was held has lost his connection.
    void is_killed_and_replaced();

    // ---- how it stands

    [[nodiscard]] fate fate_of(connection_number) const;
    /// The bytes that were sent on a connection.
    [[nodiscard]] const std::string& sent_to(connection_number) const;
    /// The port that a lookup there finds at once: empty for none. Not for one that must wait.
    std::optional<std::uint16_t> port_of(std::string_view alive_name, std::string_view at);
    /// The names there, newest first.
    std::vector<std::string> names_at(std::string_view at);
    [[nodiscard]] std::optional<std::uint32_t> creation_of(connection_number) const;
    /// The kinds of the events since the last call.
    std::vector<event::kind> events();
    /// How many refusals were told of that are no repetition.
    [[nodiscard]] int told_refusals() const { return told_refusals_; }
    /// The questions that were asked and not taken yet.
    std::vector<question> questions();
    [[nodiscard]] const service& mind() const { return *service_; }
    [[nodiscard]] time_point now() const { return now_; }
    [[nodiscard]] bool is_stop_asked() const { return is_stop_asked_; }

  private:
    [[nodiscard]] bool has_gone(connection_number) const override;
    void perform();

    [[nodiscard]] std::shared_ptr<service> mind_for(registry_state) const;

    time_point now_{std::chrono::hours(1)};
    policy rules_;
    std::shared_ptr<const hosts> hosts_;
    std::string records_; // what was written down
    std::shared_ptr<service> service_;
    connection_number next_ = 1;
    std::map<connection_number, fate> fates_;
    std::map<connection_number, std::string> sent_;
    std::set<connection_number> dead_;
    std::vector<event::kind> events_;
    int told_refusals_ = 0;
    std::vector<question> questions_;
    actions actions_;
    bool is_stop_asked_ = false;
};

} // namespace epmd::test
