// Coroutines: what they wait with, and those that nobody waits for.
#pragma once

#include "references.h"
#include "time.h"

#include <atomic>
#include <coroutine>
#include <memory>
#include <thread>

namespace winrt
{
    // A coroutine that nobody waits for. An exception that leaves it ends the program.
    struct fire_and_forget
    {
        struct promise_type
        {
            fire_and_forget get_return_object() const noexcept { return {}; }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_never final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() const noexcept { winrt::terminate(); }
        };
    };

    namespace impl
    {
        // A coroutine that waits. Whoever takes it resumes it; if it was destroyed, nobody does.
        struct waiting
        {
            explicit waiting(std::coroutine_handle<> coroutine) noexcept
                : m_address(coroutine.address())
            {
            }

            void resume() noexcept
            {
                if (auto const address = m_address.exchange(nullptr))
                {
                    std::coroutine_handle<>::from_address(address).resume();
                }
            }
            void forget() noexcept { m_address.exchange(nullptr); }

        private:
            std::atomic<void*> m_address;
        };

        // Owns the place of a coroutine in whatever it waits for.
        struct waiter
        {
            waiter() noexcept = default;
            waiter(waiter const&) = delete;
            waiter& operator=(waiter const&) = delete;
            ~waiter() noexcept
            {
                if (m_waiting)
                {
                    m_waiting->forget();
                }
            }

            // Returns the place as a context for the library, which gives it up by `destroy`.
            std::unique_ptr<std::shared_ptr<waiting>> wait(std::coroutine_handle<> coroutine)
            {
                m_waiting = std::make_shared<waiting>(coroutine);
                return std::make_unique<std::shared_ptr<waiting>>(m_waiting);
            }

            static void destroy(void* context) noexcept
            {
                delete static_cast<std::shared_ptr<waiting>*>(context);
            }
            static void resume(void* context) noexcept
            {
                // Kept, since the coroutine may end inside.
                auto const place = *static_cast<std::shared_ptr<waiting>*>(context);
                place->resume();
            }
            static void resume_ended(void* context, int32_t) noexcept { resume(context); }

        private:
            std::shared_ptr<waiting> m_waiting;
        };

        struct background_awaiter
        {
            background_awaiter() noexcept = default;
            explicit background_awaiter(Windows::Foundation::TimeSpan delay) noexcept : m_delay(delay)
            {
            }

            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> coroutine)
            {
                if (m_delay.count() <= 0)
                {
                    auto context = m_waiter.wait(coroutine);
                    // From here on, the coroutine may run elsewhere.
                    check(udpair_run(waiter::resume, context.release(), waiter::destroy));
                    return;
                }
                struct delayed
                {
                    std::unique_ptr<std::shared_ptr<waiting>> place;
                    Windows::Foundation::TimeSpan delay;
                };
                auto context
                    = std::unique_ptr<delayed>(new delayed{ m_waiter.wait(coroutine), m_delay });
                auto const run = [](void* raw) {
                    auto const held = static_cast<delayed*>(raw);
                    std::this_thread::sleep_for(held->delay);
                    waiter::resume(held->place.get());
                };
                check(udpair_run(run, context.release(), impl::destroy<delayed>));
            }
            void await_resume() const noexcept {}

        private:
            waiter m_waiter;
            Windows::Foundation::TimeSpan m_delay{};
        };
    }

    // Goes on, when it is awaited, on a thread of the library, which may be blocked.
    struct resume_background
    {
        resume_background() noexcept {}
        impl::background_awaiter operator co_await() const noexcept
        {
            return impl::background_awaiter();
        }
    };

    // Goes on after a time, when it is awaited, on a thread of the library.
    struct resume_after
    {
        explicit resume_after(Windows::Foundation::TimeSpan delay) noexcept : m_delay(delay) {}
        impl::background_awaiter operator co_await() const noexcept
        {
            return impl::background_awaiter(m_delay);
        }

    private:
        Windows::Foundation::TimeSpan m_delay;
    };

    inline impl::background_awaiter operator co_await(Windows::Foundation::TimeSpan delay) noexcept
    {
        return impl::background_awaiter(delay);
    }

    // The context of a thread with a user interface. There are none here: awaiting it does nothing.
    struct apartment_context
    {
        apartment_context() noexcept {}
        bool await_ready() const noexcept { return true; }
        void await_suspend(std::coroutine_handle<>) const noexcept {}
        void await_resume() const noexcept {}
    };
}
