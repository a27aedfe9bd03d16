// Which events of a subscription's system topic are delivered, and where to.

param name string
param topicName string

@allowed([
  'queue'
  'function'
])
param deliverTo string
param alerts bool
param queueId string
param functionId string
param storageAccountId string
param actionGroupId string
param tags { *: string }

// Writes and deletions of clusters and registries, and of their tags. Everything else of a busy
// subscription stays out.
var eventFilter = {
  includedEventTypes: [
    'Microsoft.Resources.ResourceWriteSuccess'
    'Microsoft.Resources.ResourceDeleteSuccess'
  ]
  isSubjectCaseSensitive: false
  enableAdvancedFilteringOnArrays: false
  advancedFilters: [
    {
      operatorType: 'StringIn'
      key: 'data.operationName'
      values: [
        'Microsoft.ContainerService/managedClusters/write'
        'Microsoft.ContainerService/managedClusters/delete'
        'Microsoft.ContainerRegistry/registries/write'
        'Microsoft.ContainerRegistry/registries/delete'
        'Microsoft.Resources/tags/write'
        'Microsoft.Resources/tags/delete'
      ]
    }
    {
      operatorType: 'StringContains'
      key: 'data.resourceUri'
      values: [
        '/providers/Microsoft.ContainerService/managedClusters/'
        '/providers/Microsoft.ContainerRegistry/registries/'
      ]
    }
  ]
}

// A day long, and then into the container, so that nothing is lost without a trace. What is answered with
// 400, 403 or 413 goes there at once.
var retryPolicy = {
  maxDeliveryAttempts: 30
  eventTimeToLiveInMinutes: 1440
}

var deadLetter = {
  identity: {
    type: 'SystemAssigned'
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: storageAccountId
      blobContainerName: 'dead-events'
    }
  }
}

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

resource events 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: topic
  name: name
  properties: deliverTo == 'queue' ? {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: eventFilter
    retryPolicy: retryPolicy
    deadLetterWithResourceIdentity: deadLetter
    deliveryWithResourceIdentity: {
      identity: {
        type: 'SystemAssigned'
      }
      destination: {
        endpointType: 'ServiceBusQueue'
        properties: {
          resourceId: queueId
        }
      }
    }
  } : {
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: eventFilter
    retryPolicy: retryPolicy
    deadLetterWithResourceIdentity: deadLetter
    destination: {
      endpointType: 'AzureFunction'
      properties: {
        resourceId: functionId
        // One each, so that one bad event never has its neighbours delivered again.
        maxEventsPerBatch: 1
        preferredBatchSizeInKilobytes: 64
      }
    }
  }
}

// Both alerts are deployments of their own that the event subscription does not wait for: where an action
// group of another subscription is refused, events come all the same.
module lost 'metric-alert.bicep' = if (alerts) {
  name: '${name}-alert-events'
  params: {
    name: '${name} events given up'
    tags: tags
    text: 'Event Grid gave up on events and put them into the container `dead-events`: after a day of trying, or at once where the answer was 400, 403 or 413. The timer has found what they were about; infra/README.md, "When an alert fires", says what to do.'
    scope: topic.id
    metricNamespace: 'Microsoft.EventGrid/systemTopics'
    metricName: 'DeadLetteredCount'
    aggregation: 'Total'
    threshold: 0
    window: 'PT15M'
    dimension: 'EventSubscriptionName'
    values: [
      name
    ]
    actionGroupId: actionGroupId
  }
}

module dropped 'metric-alert.bicep' = if (alerts) {
  name: '${name}-alert-dropped'
  params: {
    name: '${name} events dropped'
    tags: tags
    text: 'Event Grid gave up on events and could not put them into the container `dead-events` either, so they are gone. It gives up after a day of trying, or at once where the answer was 400, 403 or 413. The timer has found what they were about; infra/README.md, "When an alert fires", says what to do.'
    scope: topic.id
    metricNamespace: 'Microsoft.EventGrid/systemTopics'
    metricName: 'DroppedEventCount'
    aggregation: 'Total'
    threshold: 0
    window: 'PT15M'
    dimension: 'EventSubscriptionName'
    values: [
      name
    ]
    actionGroupId: actionGroupId
  }
}
