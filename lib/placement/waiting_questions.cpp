#include "placement/waiting_questions.hpp"

#include <utility>

namespace epmd {

void waiting_questions::add(question one) {
    by_user_[one.from.uid].push_back(std::move(one));
    ++size_;
}

std::optional<question> waiting_questions::take() {
    if (by_user_.empty()) {
        return std::nullopt;
    }
    auto next = by_user_.upper_bound(last_);
    next = next == by_user_.end() ? by_user_.begin() : next;
    last_ = next->first;
    std::optional<question> result(std::move(next->second.front()));
    next->second.pop_front();
    if (next->second.empty()) {
        by_user_.erase(next);
    }
    --size_;
    return result;
}

std::size_t waiting_questions::keep_only(const std::function<bool(const question&)>& is_wanted) {
    std::size_t gone = 0;
    for (auto& [who, all] : by_user_) {
        gone += std::erase_if(all, [&](const question& one) { return !is_wanted(one); });
    }
    std::erase_if(by_user_, [](const auto& one) { return one.second.empty(); });
    size_ -= gone;
    return gone;
}

} // namespace epmd
