// Handlers of events and operations.
#pragma once

#include "references.h"

#include <mutex>

namespace winrt
{
    struct event_token
    {
        int64_t value{};

        explicit operator bool() const noexcept { return value != 0; }
        friend bool operator==(event_token const& left, event_token const& right) noexcept
        {
            return left.value == right.value;
        }
    };

    struct auto_revoke_t
    {
        explicit auto_revoke_t() = default;
    };
    inline constexpr auto_revoke_t auto_revoke{};

    namespace impl
    {
        // A function of the application, or null. Copies are the same handler.
        template <typename... Args>
        struct delegate
        {
            delegate(std::nullptr_t = nullptr) noexcept {}

            template <typename F>
                requires std::is_invocable_v<F&, Args const&...>
                && (!std::is_base_of_v<delegate, std::remove_cvref_t<F>>)
            delegate(F handler) : m_call(std::make_shared<function>(std::move(handler)))
            {
            }

            // A method of an object that outlives the handler.
            template <typename Object, typename Method>
                requires std::is_member_function_pointer_v<Method>
            delegate(Object* object, Method method)
                : delegate([object, method](Args const&... args) { (object->*method)(args...); })
            {
            }

            // A method of an object that the handler keeps alive.
            template <typename Object, typename Method>
                requires std::is_member_function_pointer_v<Method>
            delegate(std::shared_ptr<Object> object, Method method)
                : delegate([object, method](
                               Args const&... args) { (object.get()->*method)(args...); })
            {
            }

            // A method of an object, if that still exists.
            template <typename Object, typename Method>
                requires std::is_member_function_pointer_v<Method>
            delegate(std::weak_ptr<Object> object, Method method)
                : delegate([object, method](Args const&... args) {
                      if (auto const strong = object.lock())
                      {
                          (strong.get()->*method)(args...);
                      }
                  })
            {
            }

            void operator()(Args const&... args) const
            {
                if (m_call)
                {
                    (*m_call)(args...);
                }
            }

            explicit operator bool() const noexcept { return m_call != nullptr; }
            friend bool operator==(delegate const& left, delegate const& right) noexcept
            {
                return left.m_call == right.m_call;
            }
            friend bool operator==(delegate const& left, std::nullptr_t) noexcept
            {
                return !left.m_call;
            }

        private:
            using function = std::function<void(Args const&...)>;

            std::shared_ptr<function> m_call;
        };

        // A handler that can be taken away without the object that it was registered with.
        template <typename Delegate>
        struct revocable
        {
            explicit revocable(Delegate handler) : m_handler(std::move(handler)) {}

            Delegate get() const
            {
                std::lock_guard const guard(m_lock);
                return m_handler;
            }
            void revoke()
            {
                Delegate former;
                std::lock_guard const guard(m_lock);
                std::swap(former, m_handler);
            }

        private:
            mutable std::mutex m_lock;
            Delegate m_handler;
        };
    }

    // Removes a handler when it is destroyed. It does not keep the object of the event alive.
    template <typename Delegate>
    struct event_revoker
    {
        event_revoker() noexcept = default;
        explicit event_revoker(std::shared_ptr<impl::revocable<Delegate>> handler) noexcept
            : m_handler(std::move(handler))
        {
        }
        event_revoker(event_revoker const&) = delete;
        event_revoker& operator=(event_revoker const&) = delete;
        event_revoker(event_revoker&&) noexcept = default;
        event_revoker& operator=(event_revoker&& other) noexcept
        {
            if (this != &other)
            {
                revoke();
                m_handler = std::move(other.m_handler);
            }
            return *this;
        }
        ~event_revoker() noexcept { revoke(); }

        void revoke() noexcept
        {
            if (auto const handler = std::exchange(m_handler, nullptr))
            {
                handler->revoke();
            }
        }

        explicit operator bool() const noexcept { return m_handler != nullptr; }

    private:
        std::shared_ptr<impl::revocable<Delegate>> m_handler;
    };
}
