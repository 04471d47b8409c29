/// The names whose registration ended: what DUMP_REQ tells of them, and the creations that they had.
#pragma once

#include "registry/registration.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epmd {

struct former_name {
    std::string alive_name;
    std::uint16_t port = 0;
    int descriptor = -1; ///< of the connection that it had
    finding found;       ///< without a host: nothing placed it
    std::uint32_t creation_count = 0;

    bool operator==(const former_name&) const = default;
};

/// What is kept of a registration that ended.
former_name former_name_of(const registration& gone);

/// How many former names are kept; the oldest go first. As many as stock keeps (transcript of stock).
inline constexpr std::size_t max_former_names = 1000;

/// At most one entry a name and host, and a node.
class former_names {
  public:
    /// `greatest_forgotten_count`: of those before, which were forgotten.
    explicit former_names(std::uint32_t greatest_forgotten_count = 0)
        : greatest_forgotten_count_(greatest_forgotten_count) {}

    // The index views the entries: they move together, and are never copied.
    former_names(former_names&&) = default;
    former_names& operator=(former_names&&) = default;
    former_names(const former_names&) = delete;
    former_names& operator=(const former_names&) = delete;
    ~former_names() = default;

    /// Replaces an entry of the same name and host, or of the same node at another host. Forgets the oldest when there
    /// are too many.
    void add(former_name);

    /// The greatest count of that name, on whatever host. Empty: it never had one, or is forgotten.
    [[nodiscard]] std::optional<std::uint32_t> last_creation_count(std::string_view alive_name) const;

    /// What was found of nodes of that name that had that port, and a listener by which they can be known again; a
    /// few at most.
    [[nodiscard]] std::vector<finding> findings(std::string_view alive_name, std::uint16_t port) const;

    /// The greatest count of all names that were forgotten; 0 when none was.
    [[nodiscard]] std::uint32_t greatest_forgotten_count() const noexcept { return greatest_forgotten_count_; }

    /// The first to end first. Some may be registered again.
    [[nodiscard]] const std::list<former_name>& all() const noexcept { return entries_; }

  private:
    using entry = std::list<former_name>::iterator;
    using index = std::unordered_multimap<std::string_view, entry>;

    void erase(index::iterator);

    std::list<former_name> entries_;
    index by_name_; // the keys view the entries' names
    std::uint32_t greatest_forgotten_count_;
};

} // namespace epmd
