// Windows.Foundation.Collections: vectors and maps.
#pragma once

#include "Windows.Foundation.h"

#include <map>
#include <vector>

namespace winrt
{
    namespace Windows::Foundation::Collections
    {
        template <typename T>
        struct IVectorView;

        // A place among elements.
        template <typename T>
        struct IIterator
        {
            explicit IIterator(std::shared_ptr<std::vector<T> const> elements) noexcept
                : m_elements(std::move(elements))
            {
            }

            T Current() const
            {
                if (!HasCurrent())
                {
                    throw hresult_out_of_bounds();
                }
                return (*m_elements)[m_index];
            }
            bool HasCurrent() const noexcept { return m_index < m_elements->size(); }
            bool MoveNext() noexcept
            {
                m_index += HasCurrent() ? 1 : 0;
                return HasCurrent();
            }

        private:
            std::shared_ptr<std::vector<T> const> m_elements;
            size_t m_index{};
        };

        // Elements in an order, that can be changed. Copies are the same vector.
        template <typename T>
        struct IVector
        {
            IVector(std::nullptr_t = nullptr) noexcept {}
            explicit IVector(std::shared_ptr<std::vector<T>> elements) noexcept
                : m_elements(std::move(elements))
            {
            }

            uint32_t Size() const { return static_cast<uint32_t>(elements().size()); }
            T GetAt(uint32_t index) const { return at(index); }
            void SetAt(uint32_t index, T const& value) const { at(index) = value; }
            void InsertAt(uint32_t index, T const& value) const
            {
                if (index > Size())
                {
                    throw hresult_out_of_bounds();
                }
                elements().insert(elements().begin() + index, value);
            }
            void RemoveAt(uint32_t index) const
            {
                at(index);
                elements().erase(elements().begin() + index);
            }
            void Append(T const& value) const { elements().push_back(value); }
            void RemoveAtEnd() const
            {
                at(0);
                elements().pop_back();
            }
            void Clear() const { elements().clear(); }
            bool IndexOf(T const& value, uint32_t& index) const
            {
                return IVectorView<T>(m_elements).IndexOf(value, index);
            }
            IVectorView<T> GetView() const
            {
                return IVectorView<T>(std::make_shared<std::vector<T> const>(elements()));
            }

            auto begin() const { return elements().begin(); }
            auto end() const { return elements().end(); }
            explicit operator bool() const noexcept { return m_elements != nullptr; }

        private:
            std::vector<T>& elements() const
            {
                if (!m_elements)
                {
                    throw hresult_invalid_argument(L"the vector is null");
                }
                return *m_elements;
            }
            T& at(uint32_t index) const
            {
                if (index >= elements().size())
                {
                    throw hresult_out_of_bounds();
                }
                return elements()[index];
            }

            std::shared_ptr<std::vector<T>> m_elements;
        };

        // Elements in an order, that cannot be changed.
        template <typename T>
        struct IVectorView
        {
            IVectorView(std::nullptr_t = nullptr) noexcept {}
            explicit IVectorView(std::shared_ptr<std::vector<T> const> elements) noexcept
                : m_elements(std::move(elements))
            {
            }

            uint32_t Size() const { return static_cast<uint32_t>(elements().size()); }
            T GetAt(uint32_t index) const
            {
                if (index >= elements().size())
                {
                    throw hresult_out_of_bounds();
                }
                return elements()[index];
            }
            bool IndexOf(T const& value, uint32_t& index) const
            {
                auto const found = std::find(begin(), end(), value);
                index = static_cast<uint32_t>(found - begin());
                return found != end();
            }
            IIterator<T> First() const
            {
                elements();
                return IIterator<T>(m_elements);
            }
            uint32_t GetMany(uint32_t start, array_view<T> values) const
            {
                if (start > Size())
                {
                    throw hresult_out_of_bounds();
                }
                auto const count = std::min(Size() - start, values.size());
                std::copy_n(begin() + start, count, values.begin());
                return count;
            }

            auto begin() const { return elements().begin(); }
            auto end() const { return elements().end(); }
            explicit operator bool() const noexcept { return m_elements != nullptr; }

            // Takes a list of the library.
            static IVectorView from_list(void* object)
            {
                struct released
                {
                    void* object;
                    ~released() { udpair_release(object); }
                } const held{ object };
                auto const list = static_cast<udpair_list*>(object);
                auto elements = std::make_shared<std::vector<T>>();
                auto const count = udpair_list_length(list);
                elements->reserve(count);
                for (size_t index = 0; index < count; ++index)
                {
                    auto const item
                        = static_cast<typename T::abi_type*>(udpair_list_get(list, index));
                    elements->push_back(impl::adopt<T>(item));
                }
                return IVectorView(std::shared_ptr<std::vector<T> const>(std::move(elements)));
            }

        private:
            std::vector<T> const& elements() const
            {
                if (!m_elements)
                {
                    throw hresult_invalid_argument(L"the vector is null");
                }
                return *m_elements;
            }

            std::shared_ptr<std::vector<T> const> m_elements;
        };

        template <typename K, typename V>
        struct IKeyValuePair
        {
            IKeyValuePair(K const& key, V const& value) : m_key(key), m_value(value) {}
            K Key() const { return m_key; }
            V Value() const { return m_value; }

        private:
            K m_key;
            V m_value;
        };

        // Values by their keys, that cannot be changed.
        template <typename K, typename V>
        struct IMapView
        {
            IMapView(std::nullptr_t = nullptr) noexcept {}
            explicit IMapView(std::vector<IKeyValuePair<K, V>> pairs)
                : m_pairs(
                    std::make_shared<std::vector<IKeyValuePair<K, V>> const>(std::move(pairs)))
            {
            }

            uint32_t Size() const { return static_cast<uint32_t>(pairs().size()); }
            bool HasKey(K const& key) const { return find(key) != pairs().end(); }
            V Lookup(K const& key) const
            {
                auto const found = find(key);
                if (found == pairs().end())
                {
                    throw hresult_out_of_bounds();
                }
                return found->Value();
            }
            std::optional<V> TryLookup(K const& key) const
            {
                auto const found = find(key);
                return found == pairs().end() ? std::nullopt : std::optional<V>(found->Value());
            }

            auto begin() const { return pairs().begin(); }
            auto end() const { return pairs().end(); }
            explicit operator bool() const noexcept { return m_pairs != nullptr; }

        private:
            std::vector<IKeyValuePair<K, V>> const& pairs() const
            {
                if (!m_pairs)
                {
                    throw hresult_invalid_argument(L"the map is null");
                }
                return *m_pairs;
            }
            auto find(K const& key) const
            {
                return std::find_if(pairs().begin(), pairs().end(),
                    [&](auto const& pair) { return pair.Key() == key; });
            }

            std::shared_ptr<std::vector<IKeyValuePair<K, V>> const> m_pairs;
        };
    }

    namespace param
    {
        // Elements as an argument: a vector, its view, or a container of the standard library.
        template <typename T>
        struct iterable
        {
            template <typename C>
                requires requires(C const& elements) {
                    { *std::begin(elements) } -> std::convertible_to<T>;
                }
            iterable(C const& elements) : m_elements(std::begin(elements), std::end(elements))
            {
            }
            iterable(std::initializer_list<T> elements) : m_elements(elements) {}

            std::vector<T> const& elements() const noexcept { return m_elements; }

        private:
            std::vector<T> m_elements;
        };
    }

    // Returns a vector with these elements.
    template <typename T>
    Windows::Foundation::Collections::IVector<T> single_threaded_vector(std::vector<T>&& values = {})
    {
        return Windows::Foundation::Collections::IVector<T>(
            std::make_shared<std::vector<T>>(std::move(values)));
    }
}
