/// What the program says on standard error when it cannot do what it was called for.
#pragma once

#include <string>

namespace epmd {

/// "epmd: " and one sentence.
void complain(const std::string& sentence);

/// All flags, then the sentence: what was wrong stands last, where the eye rests. Stock prints all flags only.
void complain_of_usage(const std::string& sentence);

/// One of stock's own complaints, to the byte: its scripts know it. With the time of day as ctime(3) gives it.
void complain_as_stock(const std::string& complaint);

} // namespace epmd
