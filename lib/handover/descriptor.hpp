/// A descriptor that is closed with its owner.
#pragma once

#include <utility>

#include <unistd.h>

namespace epmd {

class descriptor {
  public:
    /// Negative: none.
    explicit descriptor(int number = -1) noexcept : number_(number) {}
    descriptor(descriptor&& other) noexcept : number_(other.release()) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }

    [[nodiscard]] int number() const noexcept { return number_; }
    [[nodiscard]] bool is_there() const noexcept { return number_ >= 0; }
    /// It is the caller's from now on.
    int release() noexcept { return std::exchange(number_, -1); }

  private:
    int number_;
};

} // namespace epmd
