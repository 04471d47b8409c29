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

} // namespace

keeper::keeper(service_manager* manager, std::function<kept_state()> all, left_queue before, std::uint64_t generation,
               std::vector<std::string> old_tables, std::function<void(const std::string&)> complain)
    : manager_(manager), all_(std::move(all)), generation_(generation), inherited_(std::move(old_tables)),
      complain_(std::move(complain)), queue_(*this, std::move(before.pairs), before.size) {
    attempt([this] {
        const auto all_now = all_();
        if (queue_.size() != all_now.table.size() - all_now.table.adopted_count()) {
            write_queue(all_now.table); // else just those are in it
        }
        write_table(all_now);
        let_go_of(inherited_);
        is_behind_ = false;
    });
}

/// Does something of which nothing may reach the caller: his reply is sent in any case.
template <typename Step>
void keeper::attempt(const Step& step) {
    try {
        step();
        is_told_ = false;
    } catch (const std::exception& error) {
        is_behind_ = true;
        if (!std::exchange(is_told_, true)) {
            complain_(error.what());
        }
    }
}

void keeper::keep(const registration& one, bool is_new) {
    if (is_behind_) {
        return; // try_again writes all of them
    }
    attempt([&] {
        records_.clear();
        put_registration(records_, one);
        append();
        if (!is_new || one.is_adopted) {
            return;
        }
        queue_.add({one.connection, one.descriptor}, living());
    });
}

void keeper::let_go(connection_number gone) {
    if (is_behind_) {
        return;
    }
    attempt([&] {
        records_.clear();
        put_gone(records_, gone);
        append();
        if (queue_.size() > 2 * all_().table.size() + spare_connections) {
            queue_.renew(living());
        }
    });
}

void keeper::keep_surroundings() {
    attempt([this] { is_behind_ ? write_all() : write_table(all_()); });
}

void keeper::try_again() {
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

/// Queue first: who finds the table finds the connections.
void keeper::write_all() {
    const auto all = all_();
    is_behind_ = true;
    write_queue(all.table);
    write_table(all);
    let_go_of(inherited_);
    is_behind_ = false;
}

void keeper::write_table(const kept_state& all) {
    std::string records;
    put_machine(records, all.machine);
    if (all.settings) {
        put_settings(records, *all.settings);
    }
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
    let_go_of(superseded_);
}

/// Puts together what is there, and adds who is missing: it could not be queued before.
void keeper::write_queue(const registry& table) {
    const auto queued = queue_.renew(living());
    for (const auto* one : table.all()) {
        if (!one->is_adopted && one->descriptor >= 0 && !queued.contains(one->connection)) {
            queue_.add({one->connection, one->descriptor}, living());
        }
    }
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

/// What cannot be told now is told before anything else is held.
void keeper::let_go(const std::string& name) {
    superseded_.push_back(name);
    if (manager_ == nullptr || !manager_->remove(name)) {
        superseded_.pop_back();
    }
}

/// What is no longer needed is let go before: what is held must not grow, however often that could not be told.
void keeper::store(const std::string& name, std::span<const int> descriptors) {
    let_go_of(superseded_);
    if (const auto error = manager_ != nullptr ? manager_->store(name, descriptors) : std::error_code()) {
        throw std::system_error(error, "cannot tell the service manager");
    }
}

void keeper::let_go_of(std::vector<std::string>& names) {
    while (!names.empty()) {
        if (const auto error = manager_ != nullptr ? manager_->remove(names.back()) : std::error_code()) {
            throw std::system_error(error, "cannot tell the service manager");
        }
        names.pop_back();
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
