import NodeCore

/// Reads the members of a request as the types that the service expects, with its words when they
/// are others.
///
/// Null stands for an absent member, as in the service.
struct RequestReader {
    var json: JSONReader

    init(_ input: UnsafeBufferPointer<UInt8>) { self.json = JSONReader(input) }

    /// Whether the next value is there; null is consumed.
    mutating func isPresent() throws(ServiceError) -> Bool {
        do throws(JSONError) {
            guard try self.json.isNullNext() else { return true }
            try self.json.null()
            return false
        } catch {
            throw ServiceError(error)
        }
    }

    mutating func kind() throws(ServiceError) -> JSONKind {
        do throws(JSONError) { return try self.json.kind() } catch { throw ServiceError(error) }
    }

    /// The error for the next value, which is not what was expected.
    mutating func mismatch(_ expected: JSONExpectation) throws(ServiceError) -> ServiceError {
        switch try self.kind() {
        case .object: return JSONMismatch.error(expected, .object)
        case .array: return JSONMismatch.error(expected, .array)
        case .string: return JSONMismatch.error(expected, .string)
        case .isTrue: return JSONMismatch.error(expected, .isTrue)
        case .isFalse: return JSONMismatch.error(expected, .isFalse)
        case .null: return JSONMismatch.error(expected, .null)
        case .number:
            do throws(JSONError) {
                let isDecimal = try self.json.number().isDecimal
                return JSONMismatch.error(expected, isDecimal ? .decimal : .integer)
            } catch {
                return ServiceError(error)
            }
        }
    }

    mutating func text(_ expected: JSONExpectation = .string) throws(ServiceError) -> JSONText {
        do throws(JSONError) {
            if let text = try self.json.stringIfNext() { return text }
        } catch {
            throw ServiceError(error)
        }
        throw try self.mismatch(expected)
    }

    mutating func string() throws(ServiceError) -> String {
        let text = try self.text()
        return self.json.string(of: text)
    }

    mutating func bytes() throws(ServiceError) -> [UInt8] {
        let text = try self.text()
        return self.json.bytes(of: text)
    }

    mutating func bool() throws(ServiceError) -> Bool {
        do throws(JSONError) {
            switch try self.json.kind() {
            case .isTrue:
                try self.json.isTrue()
                return true
            case .isFalse:
                try self.json.isFalse()
                return false
            case .object, .array, .string, .number, .null: break
            }
        } catch {
            throw ServiceError(error)
        }
        throw try self.mismatch(.boolean)
    }

    /// A whole number; a fraction is cut off and a value out of range saturates, as in the service.
    mutating func integer() throws(ServiceError) -> Int {
        guard try self.kind() == .number else { throw try self.mismatch(.integer) }
        do throws(JSONError) {
            let (range, _) = try self.json.number()
            return RequestNumber.floor(self.json.bytes(of: range))
        } catch {
            throw ServiceError(error)
        }
    }

    mutating func beginObject(_ expected: JSONExpectation) throws(ServiceError) {
        do throws(JSONError) {
            if try self.json.beginIfNext(UInt8(ascii: "{")) { return }
        } catch {
            throw ServiceError(error)
        }
        throw try self.mismatch(expected)
    }

    mutating func beginArray(_ expected: JSONExpectation) throws(ServiceError) {
        do throws(JSONError) {
            if try self.json.beginIfNext(UInt8(ascii: "[")) { return }
        } catch {
            throw ServiceError(error)
        }
        throw try self.mismatch(expected)
    }

    mutating func beginTagged() throws(ServiceError) -> UInt8? {
        do throws(JSONError) { return try self.json.beginTagged() } catch {
            throw ServiceError(error)
        }
    }

    mutating func nextName() throws(ServiceError) -> JSONText? {
        do throws(JSONError) { return try self.json.nextName() } catch { throw ServiceError(error) }
    }

    mutating func nextElement() throws(ServiceError) -> Bool {
        do throws(JSONError) { return try self.json.nextElement() } catch {
            throw ServiceError(error)
        }
    }

    mutating func skip() throws(ServiceError) {
        do throws(JSONError) { try self.json.skip() } catch { throw ServiceError(error) }
    }

    mutating func finish() throws(ServiceError) {
        do throws(JSONError) { try self.json.finish() } catch { throw ServiceError(error) }
    }

    /// The error for a member that an object has twice.
    func duplicate() -> ServiceError {
        ServiceError(JSONError(.duplicateName, at: self.json.offset))
    }
}

/// Whole numbers of requests.
enum RequestNumber {
    /// The integer part of a number's text; out of the range of `Int` it saturates.
    ///
    /// A number with an exponent counts up to its exponent digit by digit, so `1e3` is 1000.
    static func floor(_ text: [UInt8]) -> Int {
        var digits: [UInt8] = []
        var pointAt: Int?
        var exponent = 0
        var index = text.first == UInt8(ascii: "-") ? 1 : 0
        while index < text.count {
            let byte = text[index]
            if byte == UInt8(ascii: ".") {
                pointAt = digits.count
            } else if byte | 0x20 == UInt8(ascii: "e") {
                exponent = self.exponent(text[(index + 1)...])
                break
            } else {
                digits.append(byte - UInt8(ascii: "0"))
            }
            index += 1
        }
        let whole = (pointAt ?? digits.count) + exponent
        var value = 0
        for position in 0..<max(0, min(whole, 1_000)) {
            let digit = position < digits.count ? Int(digits[position]) : 0
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(digit)
            if overflow || carry {
                value = .max
                break
            }
            value = sum
        }
        return text.first == UInt8(ascii: "-") ? -value : value
    }

    private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
        var value = 0
        for byte in text where byte >= UInt8(ascii: "0") {
            value = min(value * 10 + Int(byte - UInt8(ascii: "0")), 10_000)
        }
        return text.first == UInt8(ascii: "-") ? -value : value
    }
}
