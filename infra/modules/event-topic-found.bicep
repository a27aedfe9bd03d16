// A system topic that is somebody else's. It is not changed; without a system-assigned identity it
// cannot deliver to the queue, and this fails:
//
//   az eventgrid system-topic update --resource-group GROUP --name TOPIC --identity systemassigned

param name string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: name
}

output principalId string = topic.identity.principalId
