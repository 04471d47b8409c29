#include "handover/keeper.hpp"

#include <exception>
#include <system_error>
#include <utility>

namespace epmd {
namespace {

/// A table this much longer than when it was written whole, and than twice that, is written anew. Chosen, not tuned.
constexpr std::size_t spare_bytes = 262144;

/// A queue with so many more ended connections than living ones is put together anew. Chosen, not tuned.
constexpr std::size_t spare_connections = 256;

/// So many names that are no longer needed may wait to be told of. Two descriptors each; the unit allows 64 in all.
constexpr std::size_t most_superseded = 8;

} // namespace

keeper::keeper(service_manager* manager, std::function<kept_state()> all, left_queue before, std::uint64_t generation,
               std::vector<std::string> old_tables, std::function<void(const std::string&)> complain)
    : manager_(manager), all_(std::move(all)), generation_(generation), inherited_(std::move(old_tables)),
      complain_(std::move(complain)), queue_(*this, std::move(before.pairs), before.size) {
    attempt([this] { write_all(); });
}

/// Does something of which nothing may reach the caller: his reply is sent in any case.
template <typename Step>
void keeper::attempt(const Step& step) {
    try {
        step();
    } catch (const std::exception& error) {
        is_behind_ = true;
        if (!std::exchange(is_told_, true)) {
            complain_(error.what());
        }
    }
}

void keeper::keep(const registration& one, bool is_new) {
    if (!table_) {
        return; // try_again writes all of them
    }
    attempt([&] {
        records_.clear();
        put_registration(records_, one);
        append();
        if (!is_new || one.is_adopted) {
            return;
        }
        const numbered_descriptor connection{one.connection, one.descriptor};
        if (!is_behind_) {
            queue_.add(connection, living());
        } else {
            queue_.try_add(connection); // as far as it goes: to put them together is try_again's, once a second
        }
    });
}

void keeper::let_go(connection_number gone) {
    if (!table_) {
        return;
    }
    attempt([&] {
        records_.clear();
        put_gone(records_, gone);
        append();
        if (!is_behind_ && queue_.size() > 2 * all_().table.size() + spare_connections) {
            queue_.renew(living());
        }
    });
}

void keeper::keep_surroundings() {
    attempt([this] { is_behind_ ? write_all() : write_table(all_()); });
}

void keeper::try_again() {
    let_go_of_superseded();
    if (is_behind_) {
        attempt([this] { write_all(); });
    }
}

void keeper::append() {
    table_->append(records_);
    if (table_->size_bytes() > 2 * whole_bytes_ + spare_bytes) {
        write_table(all_());
    }
}

/// Queue first: who finds the table finds the connections. One that has just those that live stays as it is.
void keeper::write_all() {
    const auto all = all_();
    const bool has_just_them = queue_.size() == all.table.size() - all.table.adopted_count();
    if (table_ || !has_just_them) { // the first time, a queue that was left may have
        write_queue(all.table);
    }
    write_table(all);
    superseded_.insert(superseded_.end(), inherited_.begin(), inherited_.end());
    inherited_.clear();
    let_go_of_superseded();
    is_behind_ = false;
    is_told_ = false;
}

void keeper::write_table(const kept_state& all) {
    std::string records;
    put_machine(records, all.machine);
    if (all.settings) {
        put_settings(records, *all.settings);
    }
    put_restarts(records, all.restarts);
    put_table(records, all.table);
    snapshot_file fresh(++generation_);
    fresh.append(records);
    auto name = std::string(table_name) + std::to_string(generation_);
    const int descriptor = fresh.descriptor();
    store(name, {&descriptor, 1});
    if (!table_held_.empty()) {
        superseded_.push_back(std::move(table_held_));
    }
    table_held_ = std::move(name);
    table_ = std::move(fresh);
    whole_bytes_ = records.size();
    let_go_of_superseded();
}

/// Puts together what is there, and adds who is missing: it could not be queued before.
void keeper::write_queue(const registry& table) {
    const auto queued = queue_.renew(living());
    std::vector<numbered_descriptor> missing;
    for (const auto* one : table.all()) {
        if (!one->is_adopted && one->descriptor >= 0 && !queued.contains(one->connection)) {
            missing.emplace_back(one->connection, one->descriptor);
        }
    }
    queue_.add_all(missing);
}

connection_queue::descriptor_lookup keeper::living() const {
    return [this](connection_number number) {
        const auto* const known = all_().table.find(number);
        return known != nullptr && known->descriptor >= 0 ? std::optional(known->descriptor) : std::nullopt;
    };
}

std::string keeper::hold(std::span<const int> pair) {
    auto name = std::string(queue_name) + std::to_string(++generation_);
    store(name, pair);
    return name;
}

void keeper::let_go(const std::string& name) {
    superseded_.push_back(name);
    let_go_of_superseded();
}

/// What could not be told is told first. What is held must not grow without end while that fails: systemd would drop
/// what is more than FileDescriptorStoreMax=, and not say so to us.
void keeper::store(const std::string& name, std::span<const int> descriptors) {
    let_go_of_superseded();
    std::error_code error;
    if (superseded_.size() > most_superseded) {
        error = std::make_error_code(std::errc::resource_unavailable_try_again);
    } else if (manager_ != nullptr) {
        error = manager_->store(name, descriptors);
    }
    if (error) {
        throw std::system_error(error, "cannot tell the service manager");
    }
}

void keeper::let_go_of_superseded() noexcept {
    while (!superseded_.empty() && (manager_ == nullptr || !manager_->remove(superseded_.back()))) {
        superseded_.pop_back();
    }
}

std::vector<passed_descriptor> keeper::to_pass() const {
    std::vector<passed_descriptor> all{{table_->descriptor(), table_held_}};
    for (const auto& one : queue_.pairs()) {
        for (const int end : {one.to, one.from}) {
            if (end >= 0) {
                all.push_back({end, one.name});
            }
        }
    }
    return all;
}

int keeper::table_descriptor() const {
    return table_->descriptor();
}

} // namespace epmd
