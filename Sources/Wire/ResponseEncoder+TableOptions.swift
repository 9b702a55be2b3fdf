import DataModel
import NodeCore

/// Answers about tags, policies and times to live.
extension ResponseEncoder {
    static func write(_ response: TableOptionResponse, to writer: inout JSONWriter) {
        switch response {
        case .done: break
        case .tags(let tags, let next):
            writer.name("Tags")
            writer.beginArray()
            for tag in tags {
                writer.beginObject()
                writer.name("Key")
                writer.string(tag.key)
                writer.name("Value")
                writer.string(tag.value)
                writer.endObject()
            }
            writer.endArray()
            if let next {
                writer.name("NextToken")
                writer.string(next)
            }
        case .policy(let text, let revision):
            if let text {
                writer.name("Policy")
                writer.string(text)
            }
            if let revision {
                writer.name("RevisionId")
                writer.string(String(revision))
            }
        case .timeToLiveChanged(let attribute, let isEnabled):
            writer.name("TimeToLiveSpecification")
            writer.beginObject()
            writer.name("Enabled")
            writer.bool(isEnabled)
            writer.name("AttributeName")
            writer.string(attribute)
            writer.endObject()
        case .timeToLive(let timeToLive):
            writer.name("TimeToLiveDescription")
            writer.beginObject()
            writer.name("TimeToLiveStatus")
            switch timeToLive?.status {
            case .enabling: writer.string("ENABLING")
            case .enabled: writer.string("ENABLED")
            case .disabling: writer.string("DISABLING")
            case .disabled, nil: writer.string("DISABLED")
            }
            if let timeToLive, timeToLive.status != .disabled {
                writer.name("AttributeName")
                writer.string(timeToLive.attribute)
            }
            writer.endObject()
        }
    }
}
